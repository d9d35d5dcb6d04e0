"""The bell: tickets that may be lost or doubled, and a queue that may be away."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from massadmin.config import BadSetting
from massadmin.extensions import db
from massadmin.runs import dispatch
from massadmin.runs.models import Heartbeat, Run
from tests.factories import a_user, fresh, some_contacts, start_action, tally

pytestmark = pytest.mark.usefixtures("db_session")


def test_starting_a_run_rings_once_it_is_committed() -> None:
    admin = a_user()
    some_contacts(3)
    assert dispatch.queue_depth() == 0
    start_action("add_tags", admin, tags="vip")
    assert dispatch.queue_depth() == 1
    # A ticket worked on twice does the work once.
    dispatch.work()
    dispatch.work()
    (run,) = db.session.scalars(select(Run)).all()
    assert run.state == "completed"
    assert tally(run) == (3, 0, 0)


@pytest.mark.parametrize(("workers", "tickets"), [(0, 1), (2, 2), (9, 3)])
def test_every_worker_is_rung_for_that_finds_a_chunk(workers: int, tickets: int) -> None:
    admin = a_user()
    some_contacts(300)  # in three chunks
    now = datetime.now(UTC)
    db.session.add_all(Heartbeat(kind="worker", name=f"w{n}", at=now) for n in range(workers))
    db.session.commit()
    start_action("add_tags", admin, tags="vip")
    assert dispatch.queue_depth() == tickets


def test_the_queue_never_fills_with_tickets() -> None:
    assert dispatch.ring(10_000)
    assert dispatch.queue_depth() == dispatch.MOST_TICKETS
    assert dispatch.ring(10)
    assert dispatch.queue_depth() == dispatch.MOST_TICKETS


def test_a_run_is_started_although_the_queue_is_away(app: Flask) -> None:
    admin = a_user()
    some_contacts(3)
    away = dispatch.connect("unix:///nowhere/at/all.sock?db=0")
    there, app.extensions["massadmin_redis"] = app.extensions["massadmin_redis"], away
    try:
        run = start_action("add_tags", admin, tags="vip")
        assert not dispatch.ring()
    finally:
        app.extensions["massadmin_redis"] = there
    assert fresh(run).state == "queued"


def test_a_queue_that_does_not_answer_is_away(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "ANSWER_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        there = app.extensions["massadmin_redis"]
        app.extensions["massadmin_redis"] = dispatch.connect(f"unix://{tmp_path / 's'}?db=0")
        try:
            assert not dispatch.ring()
        finally:
            app.extensions["massadmin_redis"] = there
        # Whoever waits for a page does not wait for ten more tries.
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.parametrize("option", ["nosuch=1", "socket_timeout=soon", "health_check_interval=x"])
def test_an_option_that_no_connection_has_is_refused_at_once(option: str) -> None:
    with pytest.raises(BadSetting, match="REDIS_URL"):
        dispatch.connect(f"redis://127.0.0.1:1/0?{option}")
