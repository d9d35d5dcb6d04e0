"""The clock: everything that must happen although nobody asks for it.

Any number of clocks may run and none is the leader: every chore is idempotent, and one that two
clocks would do at the same instant is done by whichever gets its advisory lock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from flask import Flask
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from massadmin.extensions import db
from massadmin.runs import alive, dispatch
from massadmin.runs.execute import has_due_work
from massadmin.runs.settle import settle, unsettled_runs

log = logging.getLogger(__name__)

TICK_SECONDS = 1.5
# A chore that the database broke off is done again after so long, or when it is due.
RETRY_SECONDS = 60.0
# Chores take their advisory locks below those of the runs.
CHORE_LOCK_BASE = 6_000_000_000_000


@dataclass
class Chore:
    """Something to do every so often; `do` commits its own work."""

    name: str
    every_seconds: float
    do: Callable[[], object]
    last: float = field(default=float("-inf"), compare=False)


_chores: list[Chore] = []


def add_chore(name: str, every_seconds: float, do: Callable[[], object]) -> None:
    """Let the clock do something regularly; a chore of the same name is replaced."""
    _chores[:] = [each for each in _chores if each.name != name]
    _chores.append(Chore(name, every_seconds, do))


def tick() -> None:
    """One tick: ring for due work, and settle what was missed."""
    if has_due_work():
        _ring_if_quiet()
    for run_id in unsettled_runs():
        settle(run_id)


def do_due_chores(leave: Callable[[], bool] = lambda: False) -> None:
    """Do the chores whose time has come, until `leave()`; one that fails stops no other."""
    for chore in _chores:
        if leave():
            return
        if time.monotonic() - chore.last < chore.every_seconds:
            continue
        chore.last = time.monotonic()
        try:
            do_chore(chore)
        except SQLAlchemyError as error:
            # Before long it will be tried again, by this clock or another.
            chore.last -= max(0.0, chore.every_seconds - RETRY_SECONDS)
            log.warning("The chore %s was broken off: %s", chore.name, error)
        except Exception:
            log.exception("The chore %s failed", chore.name)
        finally:
            _forget_session()


def do_chore(chore: Chore) -> bool:
    """Do one chore unless another clock is at it; whether this one did it."""
    number = _chores.index(chore)
    # The lock belongs to a connection of its own, because the chore commits as it likes.
    with db.engine.connect() as holder:
        if not holder.scalar(select(func.pg_try_advisory_xact_lock(CHORE_LOCK_BASE + number))):
            return False
        chore.do()
        db.session.commit()
    return True


def _ring_if_quiet() -> None:
    db.session.rollback()
    try:
        if dispatch.queue_depth() == 0:
            dispatch.ring()
    except (RedisError, OSError) as error:
        log.warning("The queue is away: %s", error)


def run_clock(app: Flask, stop: Event) -> None:
    """Tick until `stop` is set. A database that is away is waited for.

    Chores may take long, and have a thread of their own: the clock goes on ringing meanwhile. When
    the clock is stopped they are left where they are, for the next clock to go on with.
    """
    threading.Thread(target=_run_chores, args=(app, stop), name="chores", daemon=True).start()
    with app.app_context(), alive.beating("clock", app):
        while True:
            try:
                tick()
            except SQLAlchemyError as error:
                log.warning("The database is away: %s", error)
            except Exception:
                log.exception("A tick failed; the next one tries again")
            finally:
                _forget_session()
            if stop.wait(TICK_SECONDS):
                return


def _run_chores(app: Flask, stop: Event) -> None:
    with app.app_context():
        while not stop.is_set():
            do_due_chores(stop.is_set)
            stop.wait(TICK_SECONDS)


def _forget_session() -> None:
    try:
        db.session.remove()
    except SQLAlchemyError as error:
        log.warning("The session could not be closed: %s", error)
