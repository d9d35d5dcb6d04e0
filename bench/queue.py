"""What the queue costs, what a second worker brings, and whether size matters."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import wraps

from flask import current_app
from rq import Queue
from rq.serializers import JSONSerializer

from bench.measuring import Bench, Row, at_most, each, measure, seconds, tick
from bench.processes import wall, workers
from bench.runs import do, first
from massadmin.cli.aside import completed, started
from massadmin.extensions import db
from massadmin.runs import dispatch
from massadmin.runs.models import Run

SIZES = (10_000, 100_000)
# Enough to tell by; what is compared is the same for more.
PART = 200_000


def _update(bench: Bench, count: int) -> Run:
    return started(
        bench.user,
        "update_fields",
        {"set.source": bench.mark()},
        first(count),
        expected=count,
    )


def _queue() -> Queue:
    connection = current_app.extensions["massadmin_redis"]
    return Queue(dispatch.QUEUE, connection=connection, serializer=JSONSerializer)


@measure
def queue_share(bench: Bench) -> list[Row]:
    """The share of a run's time that its worker spends with the queue."""
    shares, walls = [], []
    for _ in range(bench.repeat):
        bench.settle()
        queue = _queue()
        queue.empty()  # type: ignore[no-untyped-call]  # RQ's own
        run_id = _update(bench, min(PART, bench.total)).id
        outside, whole = _work_off(queue)
        completed(db.session.get_one(Run, run_id))
        shares.append(outside / whole)
        walls.append(whole)
        tick()
    share, whole = statistics.median(shares), statistics.median(walls)
    return [
        Row(
            f"The queue's share of an update of {min(PART, bench.total):,}",
            f"{share * whole * 1_000:.0f} ms",
            f"{whole:.2f} s, the run with one worker",
            round(share, 4),
            "≤ 0.02",
            share <= 0.02,
        )
    ]


def _work_off(queue: Queue) -> tuple[float, float]:
    """Be a worker until the queue is empty: seconds spent with the queue, and altogether.

    What is not spent within a ticket, and what is spent with ringing for the next one, is the
    queue's.
    """
    work, ring = dispatch.work, dispatch.ring
    inside = ringing = 0.0

    # Known by the name of what it wraps, because that is what a ticket says.
    @wraps(work)
    def work_timed() -> None:
        nonlocal inside
        inside += seconds(work)

    def ring_timed(tickets: int = 1) -> bool:
        nonlocal ringing
        began = time.perf_counter()
        rang = ring(tickets)
        ringing += time.perf_counter() - began
        return rang

    dispatch.work, dispatch.ring = work_timed, ring_timed
    try:
        worker = dispatch.Worker([queue], connection=queue.connection, serializer=JSONSerializer)
        whole = seconds(lambda: worker.work(burst=True, logging_level="ERROR"))
    finally:
        dispatch.work, dispatch.ring = work, ring
        db.session.rollback()
    return whole - inside + ringing, whole


@measure
def two_workers(bench: Bench) -> list[Row]:
    """A run by two workers, beside one."""

    part = min(PART, bench.total)

    def by(count: int) -> Callable[[], float]:
        def turn() -> float:
            with workers(count):
                return wall(_update(bench, part))

        return turn

    ours, peer = bench.alternate(by(2), by(1))
    return [at_most(f"Update {part:,} by two workers", ours, peer, 0.7, "by one")]


@measure
def sizes(bench: Bench) -> list[Row]:
    """The time per record of a small, a middling and a large run."""
    counts = [count for count in SIZES if count < bench.total] + [bench.total]
    spent: dict[int, list[float]] = {count: [] for count in counts}
    for number in range(bench.repeat):
        for count in counts[:: 1 if number % 2 == 0 else -1]:
            bench.settle()
            spent[count].append(do(_update(bench, count), count) / count)
            tick()
    medians = {count: statistics.median(took) for count, took in spent.items()}
    most, least = max(medians, key=medians.__getitem__), min(medians, key=medians.__getitem__)
    ratio = medians[most] / medians[least]
    return [
        Row(
            f"Time per record of runs of {', '.join(f'{count:,}' for count in counts)}",
            f"{each(medians[most])} at {most:,}",
            f"{each(medians[least])} at {least:,}",
            round(ratio, 2),
            "≤ 1.3×",
            ratio <= 1.3,
        )
    ]
