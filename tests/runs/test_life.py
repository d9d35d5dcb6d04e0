"""The life of a run under any sequence of wishes and work: its state is the table's, each record
gets its one result, and what was done can be undone."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs.action import get_action
from massadmin.runs.control import control
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run
from massadmin.runs.settle import settle
from massadmin.runs.start import Refused, start, undo
from massadmin.runs.states import ENDED, IllegalMove, targets
from tests.databases import Broom
from tests.factories import (
    a_user,
    audience,
    contacts,
    finished,
    fresh,
    results,
    some_contacts,
    tally,
    world,
)

pytestmark = pytest.mark.usefixtures("db_session")

CHUNKS = 3
STEPS = ("pause", "resume", "cancel", "work", "settle", "undo")


class Model:
    """What a run of `CHUNKS` chunks of one record must be, by the table of moves alone."""

    def __init__(self) -> None:
        self.state, self.done = "queued", 0

    def ask(self, verb: str) -> bool:
        """A person asks for `verb`; whether it is legal. No chunk is in flight, so it settles."""
        if self.state not in targets(verb):
            return False
        self.state = targets(verb)[self.state]
        self.state = targets("settle").get(self.state, self.state)
        return True

    def work(self) -> bool:
        """A worker looks for work; whether there was some."""
        if self.state not in ("queued", "running"):
            return False
        self.done += 1
        self.state = "completed" if self.done == CHUNKS else "running"
        return True


def step(what: str, run: Run, model: Model, user: User) -> None:
    """Do one step to the run and to its model, which must agree on whether it is possible."""
    if what == "work":
        assert work_once(run.id) == model.work()
    elif what == "settle":
        assert settle(run.id, finish=True) is None, "nothing is left unsettled"
    elif what == "undo":
        if model.state not in ENDED:
            with pytest.raises(Refused, match="has ended"):
                undo(run, contacts(), user)
    elif model.ask(what):
        control(run, what, user)
    else:
        with pytest.raises(IllegalMove):
            control(run, what, user)
        db.session.rollback()


@given(st.lists(st.sampled_from(STEPS), max_size=12))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_life_follows_the_table_and_loses_nothing(broom: Broom, steps: list[str]) -> None:
    db.session.rollback()
    broom.sweep()
    db.session.remove()
    admin = a_user()
    some_contacts(CHUNKS, city="Rome")
    before = world()
    action = get_action("update_fields")
    params = action.params(MultiDict({"set.city": "Oslo"}), contacts(), admin)
    run = start(action, contacts(), audience(admin), params, admin, largest_chunk=1)
    model = Model()
    for what in steps:
        step(what, fresh(run), model, admin)
        run = fresh(run)
        assert (run.state, len(results(run))) == (model.state, model.done)
        assert (run.finished_at is not None) == (model.state in ENDED)
    if model.state not in ENDED:
        control(run, "cancel", admin)
        run = fresh(run)
        assert run.state == "cancelled"
    assert tally(run) == (model.done, 0, 0)
    assert sum(row[9] == "Oslo" for row in world()) == model.done
    if model.done:
        assert tally(finished(undo(run, contacts(), admin))) == (model.done, 0, 0)
    assert world() == before
