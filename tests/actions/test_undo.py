"""Undo, whatever was done: exactly what nobody touched since returns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.records.modules import CustomField
from massadmin.records.tags import ensure_tags
from massadmin.runs.put_back import PARTLY_LOST
from massadmin.runs.start import undo
from tests.databases import Broom
from tests.factories import (
    a_user,
    contact,
    contacts,
    finished,
    reasons,
    run_action,
    some_contacts,
    tags_of,
    tally,
    undo_run,
)

pytestmark = pytest.mark.usefixtures("db_session")

CITIES = ["Oslo", "Bergen", "Rome"]
runs = st.one_of(
    st.builds(
        lambda tags: ("add_tags", {"tags": ",".join(tags)}),
        st.lists(st.sampled_from("abc"), min_size=1, unique=True),
    ),
    st.just(("remove_tags", {"all": "yes"})),
    st.builds(
        lambda city, more: ("update_fields", {"set__city": city} | more),
        st.sampled_from(CITIES),
        st.sampled_from([{}, {"clear": "status"}, {"set__custom.size": "L"}]),
    ),
    st.just(("change_owner", {"owner": "admin@example.com,manager@example.com"})),
)
edits = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from(["city", "status", "source", "custom.size", "tag", "untag"]),
        st.sampled_from(["X", "Oslo", "a", "b"]),
    ),
    max_size=6,
)


def a_field(key: str, kind: str, choices: list[str] | None = None) -> None:
    """A custom field in place of any other of that key."""
    db.session.execute(text("DELETE FROM custom_fields WHERE key = :key"), {"key": key})
    db.session.execute(text("UPDATE contacts SET custom = custom - :key"), {"key": key})
    field = CustomField(module="contacts", key=key, label=key, type=kind, choices=choices or [])
    db.session.add(field)
    db.session.commit()


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("add_tags", {"tags": "vip"}),
        ("remove_tags", {"all": "yes"}),
        ("update_fields", {"set.city": "Oslo"}),
    ],
)
def test_what_is_no_longer_theirs_is_left_alone(key: str, params: dict[str, str]) -> None:
    """It was given to somebody else after the undo had begun."""
    admin, member = a_user(), a_user("member")
    _, given = some_contacts(2, owner_id=member.id, city="Rome")
    run_action("add_tags", admin, tags="old")
    run = run_action(key, member, **params)
    assert run.succeeded == 2
    undone = undo(run, contacts(), member)
    db.session.execute(
        text("UPDATE contacts SET owner_id = :owner WHERE id = :id"),
        {"owner": admin.id, "id": given},
    )
    db.session.commit()
    before = contact(given).city, tags_of(given)
    assert tally(finished(undone)) == (1, 1, 0)
    assert (contact(given).city, tags_of(given)) == before


LOST = "A field that it changed is gone, or of another type by now"


@pytest.mark.parametrize(
    ("kind", "old", "other"),
    [
        ("text", "many", "number"),
        ("text", "soon", "date"),
        ("text", "yes", "boolean"),
        ("number", 4, "text"),
        ("number", 4, "date"),
        ("boolean", True, "number"),
    ],
)
def test_a_new_field_under_an_old_key_gets_no_value_of_another_type(
    kind: str, old: Any, other: str
) -> None:
    admin = a_user()
    a_field("size", kind)
    ids = some_contacts(2, city="Rome")
    db.session.execute(
        text("UPDATE contacts SET custom = jsonb_build_object('size', CAST(:old AS jsonb))"),
        {"old": json.dumps(old)},
    )
    db.session.commit()
    only = run_action("update_fields", admin, f"id:is:{ids[0]}", clear="custom.size")
    both = run_action(
        "update_fields", admin, f"id:is:{ids[1]}", clear="custom.size", set__city="Oslo"
    )
    a_field("size", other)
    undone = undo_run(only, admin)
    assert (tally(undone), reasons(undone)) == ((0, 1, 0), {LOST: 1})
    undone = undo_run(both, admin)
    assert (tally(undone), reasons(undone)) == ((1, 0, 0), {PARTLY_LOST: 1})
    assert contact(ids[1]).city == "Rome"
    assert [contact(each).custom for each in ids] == [{}, {}]


def test_what_was_in_a_field_that_is_gone_is_skipped_with_that_reason() -> None:
    admin = a_user()
    a_field("size", "text")
    some_contacts(2)
    run = run_action("update_fields", admin, **{"set.custom.size": "L"})
    db.session.execute(text("DELETE FROM custom_fields"))
    db.session.commit()
    assert reasons(undo_run(run, admin)) == {LOST: 2}


Record = dict[str, Any]


def records() -> dict[int, Record]:
    """What an edit or a run can change of every contact, by id."""
    rows = db.session.execute(
        text(
            """
            SELECT c.id, c.city, c.status, c.source, c.owner_id, c.custom ->> 'size' AS size,
                ARRAY(SELECT g.name FROM contact_tags AS x JOIN tags AS g ON g.id = x.tag_id
                      WHERE x.contact_id = c.id) AS tags
            FROM contacts AS c
            """
        )
    )
    return {row.id: {**row._mapping, "tags": set(row.tags)} for row in rows}


def edit_by_hand(record_id: int, what: str, value: str) -> None:
    """What somebody does to one contact while nobody looks."""
    tag = {"name": value, "id": record_id}
    if what == "tag":
        ensure_tags([value])
        put = "SELECT :id, id FROM tags WHERE name = :name ON CONFLICT DO NOTHING"
        db.session.execute(text(f"INSERT INTO contact_tags (contact_id, tag_id) {put}"), tag)
    elif what == "untag":
        named = "tag_id IN (SELECT id FROM tags WHERE name = :name)"
        db.session.execute(
            text(f"DELETE FROM contact_tags WHERE contact_id = :id AND {named}"), tag
        )
    else:
        new = f"{what} = :v"
        if what == "custom.size":
            new = "custom = custom || jsonb_build_object('size', CAST(:v AS text))"
        db.session.execute(
            text(f"UPDATE contacts SET {new} WHERE id = :id"), {"v": value, "id": record_id}
        )
    db.session.commit()


def taken_back(before: Record, after: Record, now: Record) -> Record:
    """The record once a run is undone: what the run changed and still stands goes back, tag by
    tag and field by field, and nothing else does."""
    expected = {
        key: before[key] if after[key] != before[key] and now[key] == after[key] else now[key]
        for key in now
    }
    added, removed = after["tags"] - before["tags"], before["tags"] - after["tags"]
    expected["tags"] = (now["tags"] - added) | removed
    return expected


@given(
    done=st.lists(runs, min_size=1, max_size=3),
    first=st.lists(st.tuples(st.integers(0, 7), st.sampled_from("abc")), max_size=6),
    edited=edits,
    which=st.integers(0, 2),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_undo_returns_exactly_the_untouched(
    broom: Broom,
    done: list[tuple[str, dict[str, Any]]],
    first: list[tuple[int, str]],
    edited: list[tuple[int, str, str]],
    which: int,
) -> None:
    """Any run of several, undone after any edits by hand: later runs are but edits too."""
    db.session.rollback()
    broom.sweep()
    db.session.remove()
    admin = a_user()
    a_user("manager")
    a_field("size", "text")
    ids = some_contacts(8, city="Rome", status="Lead")
    for place, tag in first:
        edit_by_hand(ids[place], "tag", tag)
    states, made = [records()], []
    for key, params in done:
        made.append(run_action(key, admin, **params))
        states.append(records())
    for place, what, value in edited:
        edit_by_hand(ids[place], what, value)
    now, at = records(), which % len(made)
    expected = {each: taken_back(states[at][each], states[at + 1][each], now[each]) for each in ids}
    if not made[at].succeeded:
        return
    undone = undo_run(made[at], admin)
    assert records() == expected
    assert (sum(each or 0 for each in tally(undone)), undone.failed) == (made[at].succeeded, 0)
    assert undone.succeeded == sum(expected[each] != now[each] for each in ids)
