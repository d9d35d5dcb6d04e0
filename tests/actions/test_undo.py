"""Undo, whatever was done: exactly what nobody touched since returns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from massadmin.extensions import db
from tests.databases import Broom
from tests.factories import a_user, run_action, some_contacts, tally, undo_run, world

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
