"""Two imports at once never make two records of one person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import Policy, writing
from massadmin.records.contacts import Contact
from massadmin.runs.execute import work_once
from massadmin.runs.models import RunChunk
from tests.factories import a_user, contacts, finished, fresh
from tests.imports.files import counts, staged, start_import

pytestmark = pytest.mark.usefixtures("db_session")
DEADLINE = 20.0


class Gate:
    """Holds the first chunk that inserts until it is opened."""

    def __init__(self) -> None:
        self.inside, self.opened = threading.Event(), threading.Event()

    def hold(self, insert: Callable[..., None]) -> Callable[..., None]:
        def held(*args: Any) -> None:
            insert(*args)
            if not self.inside.is_set():
                self.inside.set()
                assert self.opened.wait(DEADLINE)

        return held


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(writing._Writing, "_insert", gate.hold(writing._Writing._insert))
    yield gate
    gate.opened.set()


def in_thread(app: Flask, run_id: int) -> threading.Thread:
    def work() -> None:
        with app.app_context():
            work_once(run_id)
            db.session.remove()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def somebody_waits() -> bool:
    waiting = db.session.scalar(
        text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    )
    db.session.rollback()
    return bool(waiting)


def test_the_second_import_waits_and_then_matches(app: Flask, gate: Gate) -> None:
    user = a_user()
    first = start_import(user, "Email,City", "same@x.com,Oslo")
    second = start_import(user, "Email,City", "SAME@x.com,Rome")
    one = in_thread(app, first.id)
    assert gate.inside.wait(DEADLINE)
    two = in_thread(app, second.id)
    until(somebody_waits)
    gate.opened.set()
    one.join(DEADLINE)
    two.join(DEADLINE)
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 1
    assert counts(finished(first)) == (1, 0, 0, 0)
    assert counts(finished(second)) == (0, 1, 0, 0)


def test_chunks_of_one_import_do_not_wait_for_each_other(app: Flask, gate: Gate) -> None:
    user = a_user()
    file = staged(user, "Email", *(f"p{number}@x.com" for number in range(20)))
    run = imports.start(file, contacts(), Policy(), user, largest_chunk=10)
    one = in_thread(app, run.id)
    assert gate.inside.wait(DEADLINE)
    in_thread(app, run.id).join(DEADLINE)
    done = select(func.count()).where(RunChunk.run_id == run.id, RunChunk.state == "done")
    assert db.session.scalar(done) == 1
    gate.opened.set()
    one.join(DEADLINE)
    assert fresh(run).state == "completed"
    assert counts(fresh(run)) == (20, 0, 0, 0)
