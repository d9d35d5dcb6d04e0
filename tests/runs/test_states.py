"""States: every move has its reason, and only legal moves happen."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from massadmin.extensions import db
from massadmin.runs.models import Run
from massadmin.runs.states import (
    ENDED,
    MOVES,
    STATES,
    IllegalMove,
    legal_verbs,
    move,
    targets,
)
from tests.factories import a_user, some_contacts, start_action

pytestmark = pytest.mark.usefixtures("db_session")


def test_every_state_and_move_is_explained() -> None:
    for state, why in STATES.items():
        assert why.endswith("."), state
    for each in MOVES:
        assert each.why.endswith("."), each
        assert {each.origin, each.target} <= set(STATES)
    assert len({(each.verb, each.origin) for each in MOVES}) == len(MOVES)


def test_no_move_leaves_an_end() -> None:
    assert {each.origin for each in MOVES} & ENDED == set()


def test_every_state_but_draft_can_be_reached_and_every_other_left() -> None:
    reached = {each.target for each in MOVES}
    assert set(STATES) - reached == {"draft", "scheduled"}
    left = {each.origin for each in MOVES}
    assert set(STATES) - left == ENDED


def test_only_legal_buttons() -> None:
    assert legal_verbs("running") == ["pause", "cancel"]
    assert legal_verbs("paused") == ["resume", "cancel"]
    assert legal_verbs("completed") == []


@given(st.lists(st.sampled_from(["pause", "resume", "cancel", "settle", "begin"]), max_size=8))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_moves_follow_the_table(verbs: list[str]) -> None:
    db.session.rollback()
    if db.session.scalar(select(Run.id)) is None:
        admin = a_user()
        some_contacts(1)
        start_action("add_tags", admin, tags="vip")
    db.session.execute(text("UPDATE runs SET state = 'queued', finished_at = NULL"))
    db.session.commit()
    run_id = db.session.scalars(select(Run.id)).one()
    state = "queued"
    for verb in verbs:
        expected = targets(verb).get(state)
        if expected is None:
            with pytest.raises(IllegalMove) as refused:
                move(run_id, verb)
            assert refused.value.state == state
        else:
            assert move(run_id, verb) == expected
            state = expected
        stored, finished_at = db.session.execute(text("SELECT state, finished_at FROM runs")).one()
        assert stored == state
        assert (finished_at is not None) == (state in ENDED)


def test_an_unknown_run_is_no_illegal_move() -> None:
    with pytest.raises(LookupError):
        move(12345, "pause")
