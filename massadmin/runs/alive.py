"""Signs of life: which workers and clocks there are, kept in the database they work for."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from massadmin.extensions import db
from massadmin.runs.models import Heartbeat

log = logging.getLogger(__name__)

BEAT_SECONDS = 3.0
# Three beats missed: the process is gone, or stopped, or cut off.
SILENCE_SECONDS = 10


def my_name() -> str:
    """This process among all others: host and process id."""
    return f"{socket.gethostname()} {os.getpid()}"


def beat(kind: str) -> None:
    """Say that this process lives; commits."""
    now = func.clock_timestamp()
    db.session.execute(
        insert(Heartbeat)
        .values(kind=kind, name=my_name(), at=now)
        .on_conflict_do_update(index_elements=[Heartbeat.kind, Heartbeat.name], set_={"at": now})
    )
    db.session.commit()


def leave(kind: str) -> None:
    """Say that this process is leaving; commits."""
    db.session.execute(delete(Heartbeat).where(Heartbeat.kind == kind, Heartbeat.name == my_name()))
    db.session.commit()


def count_alive(kind: str) -> int:
    """How many processes of this kind gave a sign of life lately."""
    edge = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, SILENCE_SECONDS)
    return (
        db.session.scalar(select(func.count()).where(Heartbeat.kind == kind, Heartbeat.at > edge))
        or 0
    )


def forget_the_silent() -> None:
    """Drop the heartbeats of processes silent for a day."""
    edge = func.clock_timestamp() - func.make_interval(0, 0, 0, 1)
    db.session.execute(delete(Heartbeat).where(Heartbeat.at < edge))


@contextmanager
def beating(kind: str, app: Flask) -> Iterator[None]:
    """Give signs of life from a thread of its own while the block runs."""
    ended = threading.Event()

    def beat_until_ended() -> None:
        with app.app_context():
            while True:
                try:
                    beat(kind)
                except SQLAlchemyError as error:
                    db.session.rollback()
                    log.warning("No heartbeat: the database is away: %s", error)
                if ended.wait(BEAT_SECONDS):
                    break
            try:
                leave(kind)
            except SQLAlchemyError:
                db.session.rollback()
            db.session.remove()

    thread = threading.Thread(target=beat_until_ended, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=5)
