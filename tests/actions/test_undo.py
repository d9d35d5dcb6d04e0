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
from massadmin.runs.put_back import PARTLY_LOST
from tests.databases import Broom
from tests.factories import (
    a_user,
    contact,
    reasons,
    run_action,
    some_contacts,
    tally,
    undo_run,
    world,
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
        lambda city, clear: ("update_fields", {"set__city": city} | clear),
        st.sampled_from(CITIES),
        st.sampled_from([{}, {"clear": "status"}]),
    ),
    st.just(("change_owner", {"owner": "admin@example.com,manager@example.com"})),
)
edits = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["X", "Y"])), max_size=4)


def a_field(key: str, kind: str, choices: list[str] | None = None) -> None:
    """A custom field in place of any other of that key."""
    db.session.execute(text("DELETE FROM custom_fields WHERE key = :key"), {"key": key})
    db.session.execute(text("UPDATE contacts SET custom = custom - :key"), {"key": key})
    field = CustomField(module="contacts", key=key, label=key, type=kind, choices=choices or [])
    db.session.add(field)
    db.session.commit()


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


@given(run=runs, tagged=st.lists(st.sampled_from("abc"), max_size=3, unique=True), edits=edits)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_undo_returns_exactly_the_untouched(
    broom: Broom, run: tuple[str, dict[str, Any]], tagged: list[str], edits: list[tuple[int, str]]
) -> None:
    db.session.rollback()
    broom.sweep()
    db.session.remove()
    admin = a_user()
    a_user("manager")
    ids = some_contacts(8, city="Rome", status="Lead")
    if tagged:
        run_action("add_tags", admin, f"id:lt:{ids[4]}", tags=",".join(tagged))
    before = {row[0]: row for row in world()}
    key, params = run
    done = run_action(key, admin, **params)
    after = {row[0]: row for row in world()}
    edited = {ids[place] for place, _ in edits}
    for place, value in edits:
        db.session.execute(
            text("UPDATE contacts SET source = :v, city = :v WHERE id = :id"),
            {"v": value, "id": ids[place]},
        )
    db.session.commit()
    undone = undo_run(done, admin) if done.succeeded else None
    final = {row[0]: row for row in world()}
    untouched = [each for each in ids if each not in edited]
    assert [final[each] for each in untouched] == [before[each] for each in untouched]
    if undone is not None:
        assert sum(tally(undone)) == done.succeeded
        assert undone.failed == 0
    # What somebody wrote meanwhile is never lost: the city they set is still there.
    for each in edited:
        assert final[each][9] in ("X", "Y")
    assert after.keys() == final.keys()
