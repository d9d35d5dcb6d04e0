"""Settling: pausing and cancelling wait for the chunk in flight; a missed end is made up for."""

from __future__ import annotations

import pytest
from flask import current_app
from sqlalchemy import create_engine, text

from massadmin.extensions import db
from massadmin.runs import clock, dispatch
from massadmin.runs.action import Action
from massadmin.runs.chunk import Chunk, TryLater
from massadmin.runs.control import control, find_run
from massadmin.runs.execute import drain, has_due_work, work_once
from massadmin.runs.postpone import MAX_ATTEMPTS
from massadmin.runs.settle import FINISH_LOCK, LOCK_BASE, settle
from massadmin.runs.start import NotAllowed
from massadmin.runs.states import IllegalMove
from tests.factories import a_user, finished, fresh, results, some_contacts, start_action, tally

pytestmark = pytest.mark.usefixtures("db_session")


def ask_for_a_pause_and_break_off(action: Action, chunk: Chunk) -> None:
    other = create_engine(db.engine.url)
    with other.begin() as connection:
        connection.execute(text("UPDATE runs SET state = 'pausing'"))
    other.dispose()
    raise TryLater("The disk is full")


def test_pause_resume_and_completion() -> None:
    admin = a_user()
    some_contacts(500)
    run = start_action("add_tags", admin, tags="vip")
    assert work_once()
    assert control(run, "pause", admin) == "paused"
    assert not work_once()
    done = len(results(run))
    assert 0 < done < 500
    assert control(run, "resume", admin) == "queued"
    run = finished(run)
    assert run.state == "completed"
    assert tally(run) == (500, 0, 0)


def test_cancel_keeps_what_was_done_and_counts_it() -> None:
    admin = a_user()
    some_contacts(500)
    run = start_action("add_tags", admin, tags="vip")
    assert work_once()
    assert control(run, "cancel", admin) == "cancelled"
    run = fresh(run)
    assert run.finished_at is not None
    assert run.succeeded == len(results(run)) < 500
    assert not work_once()
    with pytest.raises(IllegalMove):
        control(run, "resume", admin)


def test_a_pause_waits_for_the_chunk_in_flight() -> None:
    admin = a_user()
    some_contacts(500)
    run = start_action("add_tags", admin, tags="vip")
    assert work_once()
    worker = create_engine(db.engine.url)
    with worker.begin() as other:
        other.execute(
            text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": LOCK_BASE + run.id}
        )
        assert control(run, "pause", admin) == "pausing"
        assert settle(run.id) is None
        assert fresh(run).state == "pausing"
    worker.dispose()
    clock.tick()
    assert fresh(run).state == "paused"


def test_a_run_whose_worker_died_after_its_last_commit_is_rung_for_and_completed() -> None:
    admin = a_user()
    some_contacts(5)
    run = start_action("add_tags", admin, tags="vip")
    drain()
    current_app.extensions["massadmin_redis"].flushdb()
    db.session.execute(
        text(
            "UPDATE runs SET state = 'running', finished_at = NULL, succeeded = NULL, "
            "skipped = NULL, failed = NULL"
        )
    )
    db.session.commit()
    # What remains to be done may take long: the clock only rings for it, and pages leave it.
    clock.tick()
    assert fresh(run).state == "running"
    assert dispatch.queue_depth() == 1
    assert control(run, "pause", admin) == "pausing"
    assert work_once()
    run = fresh(run)
    assert run.state == "completed"
    assert tally(run) == (5, 0, 0)
    assert not work_once()


def test_a_slow_end_waits_for_another_and_holds_up_no_other_run() -> None:
    admin = a_user()
    some_contacts(5)
    export = start_action("export", admin, columns="email", format="xlsx")
    other = create_engine(db.engine.url)
    with other.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FINISH_LOCK})
        assert drain(export.id) == 1
        tagging = start_action("add_tags", admin, tags="vip")
        drain()
        assert fresh(tagging).state == "completed"
        assert fresh(export).state == "running"
        assert has_due_work()
    other.dispose()
    assert drain() == 1
    assert fresh(export).state == "completed"
    assert not has_due_work()


def test_a_pause_takes_hold_though_the_chunk_in_flight_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = a_user()
    some_contacts(5)
    run = start_action("add_tags", admin, tags="vip")

    monkeypatch.setattr("massadmin.runs.execute.apply_chunk", ask_for_a_pause_and_break_off)
    assert work_once()
    assert fresh(run).state == "paused"


def test_a_chunk_that_keeps_failing_holds_a_run_that_was_to_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = a_user()
    some_contacts(5)
    run = start_action("add_tags", admin, tags="vip")
    db.session.execute(text("UPDATE run_chunks SET attempts = :most"), {"most": MAX_ATTEMPTS - 1})
    db.session.commit()

    monkeypatch.setattr("massadmin.runs.execute.apply_chunk", ask_for_a_pause_and_break_off)
    assert work_once()
    assert (fresh(run).state, fresh(run).error) == ("holding", "The disk is full")


def test_people_steer_their_own_runs_and_admins_all() -> None:
    admin, manager, member = a_user(), a_user("manager"), a_user("member")
    some_contacts(5, owner_id=member.id)
    run = start_action("add_tags", manager, tags="vip")
    assert find_run(run.id, member) is None
    with pytest.raises(NotAllowed):
        control(run, "pause", member)
    assert control(run, "pause", admin) == "paused"
    assert control(run, "resume", manager) == "queued"
