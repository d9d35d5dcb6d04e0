"""What else happens while a large run is going: memory, a small run beside it, and pausing it."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import psutil

from bench.measuring import Bench, Row, duration, measure, tick
from bench.processes import Visitor, state_of, until, wall, web, workers
from bench.runs import first
from massadmin.cli.aside import started
from massadmin.runs.control import control
from massadmin.runs.models import Run

MEGABYTE = 2**20
EVERY = 0.2  # seconds between two looks
FEW = 10


def _large(bench: Bench) -> Run:
    return started(bench.user, "update_fields", {"set.source": bench.mark()}, expected=bench.total)


@measure
def memory(bench: Bench) -> list[Row]:
    """The memory of workers and of the web server while they are at work on every contact."""
    bench.settle()
    with workers(2) as pids, web() as (server, port):
        visitor = Visitor(port)
        visitor.sign_in()
        # What is loaded with the first work and the first pages is not growth.
        wall(started(bench.user, "update_fields", {"set.source": bench.mark()}, first(FEW)))
        visitor.get("/contacts")
        run = _large(bench)
        with _watching([*pids, server]) as seen:
            while state_of(run) != "completed":
                for path in (f"/runs/{run.id}", "/contacts", "/runs"):
                    status, _ = visitor.get(path)
                    if status != 200:
                        raise RuntimeError(f"{path} was answered by {status}")
    worker = [max(seen[pid]) for pid in pids]
    growth = [_growth(seen[pid]) for pid in pids]
    name = f"during an update of {bench.total:,} with pages being read"
    return [
        _at_most_megabytes(f"Memory of a worker {name}", max(worker), 150, max(growth)),
        _at_most_megabytes(
            f"Memory of the web server {name}", max(seen[server]), 200, _growth(seen[server])
        ),
    ]


def _at_most_megabytes(name: str, most: float, limit: int, growth: float) -> Row:
    return Row(
        name,
        f"{most:.0f} MB",
        f"{growth:.2f}× of the first third in the last",
        round(growth, 2),
        f"≤ {limit} MB, flat within 1.1×",
        most <= limit and growth <= 1.1,
    )


def _growth(seen: Sequence[float]) -> float:
    third = max(1, len(seen) // 3)
    return statistics.median(seen[-third:]) / statistics.median(seen[:third])


@contextmanager
def _watching(pids: Sequence[int]) -> Iterator[dict[int, list[float]]]:
    """Megabytes of each process and its children, looked at again and again."""
    seen: dict[int, list[float]] = {pid: [] for pid in pids}
    over = threading.Event()

    def look() -> None:
        while not over.wait(EVERY if all(seen.values()) else 0):
            for pid in pids:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                # The proportional share: what the web server's two processes share counts once.
                seen[pid].append(sum(_share(each) for each in family) / MEGABYTE)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _share(process: psutil.Process) -> int:
    told = process.memory_full_info()
    return int(getattr(told, "pss", told.uss))


@measure
def beside(bench: Bench) -> list[Row]:
    """A run of ten contacts, and pausing, while a run of all of them is going."""
    small: list[float] = []
    pauses: list[float] = []
    bench.settle()
    with workers(2):
        large = _large(bench)
        for _ in range(max(3, bench.repeat)):
            large = _still_going(bench, large)
            began = time.monotonic()
            tag = {"tags": bench.mark()}
            run = started(bench.user, "add_tags", tag, first(FEW), expected=FEW)
            until(partial(_ended, run), "the small run")
            small.append(time.monotonic() - began)
            large = _still_going(bench, large)
            began = time.monotonic()
            control(large, "pause", bench.user)
            until(partial(_paused, large), "the pause")
            pauses.append(time.monotonic() - began)
            if state_of(large) == "paused":
                control(large, "resume", bench.user)
            tick()
        until(partial(_ended, large), "the large run")
    return [
        _within(f"A run of {FEW}, started beside one of {bench.total:,}", small, 2),
        _within("Pausing that one", pauses, 1),
    ]


def _ended(run: Run) -> bool:
    return state_of(run) == "completed"


def _paused(run: Run) -> bool:
    return state_of(run) != "pausing"


def _still_going(bench: Bench, run: Run) -> Run:
    """`run`, or a new one when it is over; so far that workers are at it."""
    if state_of(run) not in ("queued", "running"):
        run = _large(bench)
    until(lambda: state_of(run) != "queued", "the large run to begin")
    return run


def _within(name: str, took: Sequence[float], limit: float) -> Row:
    return Row(
        name,
        duration(max(took)),
        f"the longest of {len(took)}",
        None,
        f"≤ {limit:g} s",
        max(took) <= limit,
    )
