"""The clock: rings for due work, does its chores, and shares them with other clocks."""

from __future__ import annotations

import time
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from massadmin.extensions import db
from massadmin.runs import alive, clock, dispatch
from tests.factories import a_user, some_contacts, start_action

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def chores(monkeypatch: pytest.MonkeyPatch) -> list[clock.Chore]:
    found: list[clock.Chore] = []
    monkeypatch.setattr(clock, "_chores", found)
    return found


def test_a_lost_ticket_is_rung_again(app: object) -> None:
    admin = a_user()
    some_contacts(3)
    start_action("add_tags", admin, tags="vip")
    app.extensions["massadmin_redis"].flushdb()  # type: ignore[attr-defined]
    assert dispatch.queue_depth() == 0
    clock.tick()
    assert dispatch.queue_depth() == 1
    clock.tick()
    assert dispatch.queue_depth() == 1


def test_nothing_due_rings_nothing() -> None:
    clock.tick()
    assert dispatch.queue_depth() == 0


def test_a_chore_is_done_when_it_is_due(chores: list[clock.Chore]) -> None:
    done: list[str] = []
    clock.add_chore("sweep", 3_600, lambda: done.append("first"))
    clock.add_chore("sweep", 3_600, lambda: done.append("swept"))
    clock.do_due_chores()
    clock.do_due_chores()
    assert done == ["swept"]


def test_a_chore_that_fails_stops_no_other(chores: list[clock.Chore]) -> None:
    done: list[str] = []

    def fail() -> None:
        done.append("failed")
        raise ValueError("a mistake")

    def break_off() -> None:
        done.append("broken off")
        raise OperationalError("DELETE", {}, Exception("server closed the connection"))

    clock.add_chore("bad", 3_600, fail)
    clock.add_chore("dropped", 3_600, break_off)
    clock.add_chore("good", 3_600, lambda: done.append("swept"))
    clock.do_due_chores()
    clock.do_due_chores()
    assert done == ["failed", "broken off", "swept"]
    for chore in chores:
        chore.last -= clock.RETRY_SECONDS
    clock.do_due_chores()
    assert done[3:] == ["broken off"]


def test_the_clock_rings_while_a_chore_goes_on(app: Flask, chores: list[clock.Chore]) -> None:
    begun, go_on, stop = Event(), Event(), Event()

    def last_long() -> None:
        begun.set()
        assert go_on.wait(30)

    clock.add_chore("long", 3_600, last_long)
    running = Thread(target=clock.run_clock, args=(app, stop))
    running.start()
    try:
        assert begun.wait(30)
        admin = a_user()
        some_contacts(3)
        start_action("add_tags", admin, tags="vip")
        app.extensions["massadmin_redis"].flushdb()
        ends = time.monotonic() + 30
        while not dispatch.queue_depth():
            assert time.monotonic() < ends, "nothing was rung"
            stop.wait(0.05)
    finally:
        go_on.set()
        stop.set()
        running.join(30)
    assert not running.is_alive()


def test_a_chore_that_another_clock_is_at_is_left_to_it(chores: list[clock.Chore]) -> None:
    done: list[str] = []
    clock.add_chore("sweep", 3_600, lambda: done.append("swept"))
    other = create_engine(db.engine.url)
    with other.begin() as connection:
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": clock.CHORE_LOCK_BASE}
        )
        assert not clock.do_chore(chores[0])
    other.dispose()
    assert clock.do_chore(chores[0])
    assert done == ["swept"]


def test_signs_of_life_are_counted_until_they_are_old() -> None:
    assert alive.count_alive("worker") == 0
    alive.beat("worker")
    alive.beat("worker")
    assert alive.count_alive("worker") == 1
    assert alive.count_alive("clock") == 0
    db.session.execute(text("UPDATE heartbeats SET at = now() - interval '1 minute'"))
    db.session.commit()
    assert alive.count_alive("worker") == 0
    alive.beat("worker")
    alive.leave("worker")
    assert alive.count_alive("worker") == 0
