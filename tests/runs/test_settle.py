"""Settling: pausing and cancelling wait for the chunk in flight; a missed end is made up for."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from massadmin.extensions import db
from massadmin.runs import clock
from massadmin.runs.control import control, find_run
from massadmin.runs.execute import drain, work_once
from massadmin.runs.settle import LOCK_BASE, settle
from massadmin.runs.start import NotAllowed
from massadmin.runs.states import IllegalMove
from tests.factories import a_user, finished, fresh, results, some_contacts, start_action, tally

pytestmark = pytest.mark.usefixtures("db_session")


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


def test_the_clock_completes_a_run_whose_worker_died_after_its_last_commit() -> None:
    admin = a_user()
    some_contacts(5)
    run = start_action("add_tags", admin, tags="vip")
    drain()
    db.session.execute(
        text(
            "UPDATE runs SET state = 'running', finished_at = NULL, succeeded = NULL, "
            "skipped = NULL, failed = NULL"
        )
    )
    db.session.commit()
    clock.tick()
    run = fresh(run)
    assert run.state == "completed"
    assert tally(run) == (5, 0, 0)


def test_people_steer_their_own_runs_and_admins_all() -> None:
    admin, manager, member = a_user(), a_user("manager"), a_user("member")
    some_contacts(5, owner_id=member.id)
    run = start_action("add_tags", manager, tags="vip")
    assert find_run(run.id, member) is None
    with pytest.raises(NotAllowed):
        control(run, "pause", member)
    assert control(run, "pause", admin) == "paused"
    assert control(run, "resume", manager) == "queued"
