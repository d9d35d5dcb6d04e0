"""What happened to a record by hand, and how changes read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from massadmin.extensions import db
from massadmin.records.create import create
from massadmin.records.edit import Typed, save
from massadmin.records.modules import CustomField
from massadmin.records.timeline import Change, Event, changes, edits, newest
from tests.factories import a_user, contacts

pytestmark = pytest.mark.usefixtures("db_session")


def test_edits_are_those_of_the_record_the_newest_first() -> None:
    admin = a_user(name="Ada Lovelace")
    one = create(contacts(), {"first_name": "Bo"}, admin)
    other = create(contacts(), {"first_name": "Cy"}, admin)
    for city in ("Oslo", "Bergen"):
        save(contacts(), one, [Typed("city", city)], admin)
        db.session.commit()
    save(contacts(), other, [Typed("city", "Paris")], admin)
    found = edits(contacts(), one, 10)
    assert [event.title for event in found] == ["Edited", "Edited", "Created"]
    assert found[0].before == {"city": "Oslo"}
    assert found[0].after == {"city": "Bergen"}
    assert {event.who for event in found} == {"Ada Lovelace"}
    assert len(edits(contacts(), one, 2)) == 2


def test_sources_are_merged_by_time() -> None:
    now = datetime.now(UTC)

    def event(hours: int) -> Event:
        return Event(now - timedelta(hours=hours), "Ada", str(hours), "tag")

    found = newest(3, [event(1), event(4)], [event(2), event(3)])
    assert [each.title for each in found] == ["1", "2", "3"]


def test_changes_read_in_the_order_of_the_fields_with_tags_behind() -> None:
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    db.session.flush()
    before = {"custom.score": 1, "city": None, "dnd_sms": False, "owner_id": 7, "custom.gone": "x"}
    after = {
        "custom.score": 2,
        "city": "Oslo",
        "dnd_sms": True,
        "owner_id": 8,
        "custom.gone": None,
        "tags_added": ["a", "b"],
        "tags_removed": ["c"],
    }
    assert changes(contacts(), before, after, {7: "Ada"}) == [
        Change("Owner", "Ada", "user 8"),
        Change("City", None, "Oslo"),
        Change("No SMS", "No", "Yes"),
        Change("Score", "1", "2"),
        Change("Gone", "x", None),
        Change("Tags added", "", "a, b"),
        Change("Tags removed", "c", ""),
    ]


def test_times_read_in_the_zone_of_the_reader() -> None:
    (change,) = changes(
        contacts(),
        {"last_activity_at": None},
        {"last_activity_at": "2026-11-22T23:30:00+00:00"},
        zone="Asia/Tokyo",
    )
    assert change.after == "23 Nov 2026, 08:30"


def test_what_is_no_date_is_shown_as_it_is() -> None:
    (change,) = changes(contacts(), {"created_at": "soon"}, {"created_at": None})
    assert change.before == "soon"
