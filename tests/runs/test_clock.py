"""The clock: rings for due work, does its chores, and shares them with other clocks."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

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
    clock.tick()
    clock.tick()
    assert done == ["swept"]


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
