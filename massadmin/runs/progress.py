"""Progress: how far runs are, summed from their chunks; no counter row that everybody updates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Float, case, cast, extract, func, select

from massadmin.extensions import db
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.states import WORKABLE

# The rate is taken over the chunks finished within this many seconds.
RATE_SECONDS = 30


@dataclass(frozen=True)
class Progress:
    """How far a run is: tallies in records, `rate` in records per second, `eta` in seconds."""

    total: int
    succeeded: int
    skipped: int
    failed: int
    rate: float | None
    eta: float | None

    @property
    def done(self) -> int:
        """Records that have their result."""
        return self.succeeded + self.skipped + self.failed

    @property
    def percent(self) -> int:
        """Whole percent done; 100 only when nothing is left."""
        return 100 * self.done // self.total if self.total else 0


def progress_of(runs: Iterable[Run]) -> dict[int, Progress]:
    """The progress of each run, by id. Runs that have ended carry their tallies themselves."""
    runs = list(runs)
    going = [run.id for run in runs if run.succeeded is None]
    summed = _summed(going) if going else {}
    found: dict[int, Progress] = {}
    for run in runs:
        if run.succeeded is not None:
            tallies = (run.succeeded, run.skipped or 0, run.failed or 0)
            seconds = seconds_taken(run)
            rate = sum(tallies) / seconds if seconds else None
            found[run.id] = Progress(run.total, *tallies, rate, eta=None)
            continue
        row = summed.get(run.id)
        succeeded, skipped, failed, recent, span = row or (0, 0, 0, 0, None)
        # A run that stands still has no pace: taken over the recent past it would only sink.
        paced = recent and span and run.state in WORKABLE
        rate = float(recent) / float(span) if paced else None
        left = run.total - succeeded - skipped - failed
        eta = left / rate if rate else None
        found[run.id] = Progress(run.total, succeeded, skipped, failed, rate, eta)
    return found


def _summed(run_ids: list[int]) -> dict[int, tuple[Any, ...]]:
    now = func.clock_timestamp()
    recent = RunChunk.finished_at > now - func.make_interval(0, 0, 0, 0, 0, 0, RATE_SECONDS)
    rows = db.session.execute(
        select(
            RunChunk.run_id,
            func.sum(RunChunk.succeeded),
            func.sum(RunChunk.skipped),
            func.sum(RunChunk.failed),
            func.sum(case((recent, RunChunk.size), else_=0)),
            func.greatest(
                extract("epoch", now - func.min(case((recent, RunChunk.started_at)))), 0.1
            ),
        )
        .where(RunChunk.run_id.in_(run_ids), RunChunk.state == "done")
        .group_by(RunChunk.run_id)
    )
    return {row[0]: tuple(row[1:]) for row in rows}


def seconds_taken(run: Run) -> float | None:
    """Wall time from the first chunk to the end, in seconds; None before the end."""
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


@dataclass(frozen=True)
class Postponed:
    """A chunk that could not be done and is tried again: its place in the run, from 1, how often it
    failed, in how many seconds it is due, why, and how many others wait like it."""

    place: int
    attempts: int
    seconds: float
    reason: str
    others: int


def postponed(run_id: int) -> Postponed | None:
    """The chunk that is tried again soonest, if any waits for that."""
    row = db.session.execute(
        select(
            RunChunk.seq,
            RunChunk.attempts,
            extract("epoch", RunChunk.due_at - func.clock_timestamp()),
            RunChunk.error,
            func.count().over(),
        )
        .where(RunChunk.run_id == run_id, RunChunk.state == "pending", RunChunk.attempts > 0)
        .order_by(RunChunk.due_at, RunChunk.seq)
        .limit(1)
    ).first()
    if row is None:
        return None
    seq, attempts, seconds, error, count = row
    return Postponed(seq + 1, attempts, max(0.0, float(seconds)), error or "", count - 1)


@dataclass(frozen=True)
class Batch:
    """The records of a run that go out together."""

    batch: int
    size: int
    done: int
    due_at: datetime


def batches_of(run_id: int) -> list[Batch]:
    """The run's batches in order, with how many of their records are done."""
    rows = db.session.execute(
        select(
            RunChunk.batch,
            func.sum(RunChunk.size),
            func.sum(case((RunChunk.state == "done", RunChunk.size), else_=0)),
            func.min(RunChunk.due_at),
        )
        .where(RunChunk.run_id == run_id)
        .group_by(RunChunk.batch)
        .order_by(RunChunk.batch)
    )
    return [Batch(row[0], row[1], row[2], row[3]) for row in rows]


def throughput_of(run_id: int, points: int = 60) -> list[tuple[float, int]]:
    """Records finished over the run's time: (seconds since its start, records) per interval,
    at most `points` intervals of equal length."""
    since = extract("epoch", RunChunk.finished_at - func.min(RunChunk.started_at).over())
    rows = db.session.execute(
        select(cast(since, Float), RunChunk.size)
        .where(RunChunk.run_id == run_id, RunChunk.state == "done")
        .order_by(RunChunk.finished_at)
    ).all()
    if not rows:
        return []
    span = max(rows[-1][0], 0.001)
    count = min(points, len(rows))
    buckets = [0] * count
    for seconds, size in rows:
        buckets[min(count - 1, int(seconds / span * count))] += size
    return [(span * (index + 1) / count, size) for index, size in enumerate(buckets)]
