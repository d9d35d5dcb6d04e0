"""Selections: an algebra of ticks, and nobody else's business."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.filters import Query
from massadmin.records.selection import (
    UnknownSelection,
    clear,
    count_selected,
    find_selection,
    follow,
    forget_old_selections,
    new_selection,
    selected_ids,
    take_all,
    tick,
    untick,
)
from tests.factories import a_user, contacts, query, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")

steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["tick", "untick"]), st.sets(st.integers(0, 9), min_size=1, max_size=4)
        ),
        st.tuples(st.sampled_from(["all", "leads", "clear"]), st.just(set())),
    ),
    max_size=10,
)


@given(steps)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_selection_is_the_set_one_expects(moves: list[tuple[str, set[int]]]) -> None:
    db.session.rollback()
    user = db.session.scalar(select(User)) or a_user()
    ids = list(db.session.scalars(select(Contact.id).order_by(Contact.id)))
    ids = ids or [*some_contacts(5, status="Lead"), *some_contacts(5, status="Customer")]
    module = contacts()
    selection = new_selection(user, module)
    everything, leads = set(ids), set(ids[:5])
    expected: set[int] = set()
    universe: set[int] | None = None
    for what, places in moves:
        chosen = {ids[place] for place in places}
        if what == "tick":
            tick(selection, chosen)
            # Under “all matching”, a tick can only take an exception back.
            expected |= chosen if universe is None else chosen & universe
        elif what == "untick":
            untick(selection, chosen)
            expected -= chosen
        elif what == "clear":
            clear(selection)
            expected, universe = set(), None
        else:
            universe = everything if what == "all" else leads
            take_all(selection, Query() if what == "all" else query("status:is:Lead"))
            expected = set(universe)
        found = set(db.session.scalars(selected_ids(selection, module, user)))
        assert found == expected
        assert count_selected(selection, module, user) == len(expected)
        shown = universe if universe is not None else everything
        assert {each for each in shown if selection.holds(each)} == expected


def test_all_matching_escapes_neither_the_filter_nor_the_users_own_records() -> None:
    admin, member = a_user(), a_user("member")
    some_contacts(5, status="Lead", owner_id=admin.id)
    mine = some_contacts(3, status="Lead", owner_id=member.id)
    some_contacts(2, status="Customer", owner_id=member.id)
    selection = new_selection(member, contacts())
    take_all(selection, query("status:is:Lead"))
    assert sorted(db.session.scalars(selected_ids(selection, contacts(), member))) == mine


def test_ticked_ids_of_others_are_not_taken() -> None:
    admin, member = a_user(), a_user("member")
    foreign = some_contacts(3, owner_id=admin.id)
    selection = new_selection(member, contacts())
    tick(selection, foreign)
    assert count_selected(selection, contacts(), member) == 0


def test_another_filter_ends_all_matching_but_keeps_ticks() -> None:
    user = a_user()
    ids = some_contacts(4, status="Lead")
    selection = new_selection(user, contacts())
    take_all(selection, query("status:is:Lead"))
    follow(selection, query("status:is:Lead"))
    assert count_selected(selection, contacts(), user) == 4
    follow(selection, query("status:is:Customer"))
    assert count_selected(selection, contacts(), user) == 0
    tick(selection, ids[:2])
    follow(selection, query("status:is:Customer"))
    assert count_selected(selection, contacts(), user) == 2


@pytest.mark.parametrize("token", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_an_invented_token_is_unknown(token: str) -> None:
    with pytest.raises(UnknownSelection):
        find_selection(token, a_user(), contacts())


def test_somebody_elses_token_is_unknown() -> None:
    admin, manager = a_user(), a_user("manager")
    selection = new_selection(admin, contacts())
    db.session.commit()
    assert find_selection(str(selection.token), admin, contacts()).token == selection.token
    with pytest.raises(UnknownSelection):
        find_selection(str(selection.token), manager, contacts())


def test_old_selections_are_forgotten() -> None:
    user = a_user()
    new_selection(user, contacts())
    db.session.commit()
    assert forget_old_selections(days=1) == 0
    assert forget_old_selections(days=-1) == 1
