"""A hundred people at the console while every contact is being changed."""

from __future__ import annotations

import random
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from urllib.parse import urlencode

from bench.child import LIST
from bench.measuring import Bench, Row, at_most, duration, measure, tick
from bench.processes import Visitor, rush, wall, web, workers
from bench.web import CONNECTIONS
from massadmin.cli.aside import started
from massadmin.runs.models import Run

PEOPLE = 100
SECONDS = 60.0
THINKING = (1.0, 5.0)  # seconds between what a person does
WATCHING = 2.0  # seconds between two askings of a page that is live
FILTERS = (
    "f=status:is:Customer",
    "f=tags:has:vip&sort=last_name",
    "f=country:is:US&f=city:starts:New",
    "f=created_at:within_days:400&sort=-created_at",
    "f=status:is:Lead&f=email:not_empty&match=any",
    "q=ann",
)


class Crowd:
    """People who do what people do, until they are sent home; `took` has the seconds of every
    answer, `errors` what was answered instead of a page."""

    def __init__(self, port: int, run_id: int) -> None:
        self.took: list[float] = []
        self.errors: list[str] = []
        self.run_id = run_id
        self._port = port
        self._over = threading.Event()

    @contextmanager
    def here(self) -> Iterator[None]:
        """They are at the console until the block ends."""
        with ThreadPoolExecutor(PEOPLE) as pool:
            lives: list[Future[None]] = []
            try:
                visitors = [Visitor(self._port) for _ in range(PEOPLE)]
                visitors[0].sign_in()
                visitors[0].hang_up()
                for number, visitor in enumerate(visitors):
                    # One password is hashed for all: who signs in is not what is measured.
                    visitor.become(visitors[0])
                    lives.append(pool.submit(self._live, visitor, number))
                yield
            finally:
                self._over.set()
        for life in lives:
            life.result()

    def _live(self, visitor: Visitor, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - the same people each time, no secret
        part = (self._read, self._watch, self._pick)[number % 3]
        self._over.wait(chance.uniform(0, THINKING[1]))
        while not self._over.is_set():
            part(visitor, chance)

    def _read(self, visitor: Visitor, chance: random.Random) -> None:
        """A list, its next page, and one of its records."""
        page = self._get(visitor, f"{LIST}?{chance.choice(FILTERS)}")
        self._think(chance)
        following = re.search(r'href="(/contacts\?[^"]*after=[^"]*)"', page)
        if following:
            page = self._get(visitor, following[1].replace("&amp;", "&"))
            self._think(chance)
        record = re.search(r'href="(/contacts/\d+)', page)
        if record:
            self._get(visitor, record[1])
            self._think(chance)

    def _watch(self, visitor: Visitor, chance: random.Random) -> None:
        """The history, then the page of the run, for some ten seconds."""
        self._get(visitor, "/runs")
        self._over.wait(WATCHING)
        self._get(visitor, "/runs/live")
        self._over.wait(WATCHING)
        path = f"/runs/{self.run_id}"
        self._get(visitor, path)
        for _ in range(5):
            self._over.wait(WATCHING)
            self._get(visitor, f"{path}/live")

    def _pick(self, visitor: Visitor, chance: random.Random) -> None:
        """A filtered list: some ticks, then the page, then everything that matches."""
        filters = chance.choice(FILTERS)
        page = self._get(visitor, f"/contacts?{filters}")
        token = re.search(r'name="selection"[^>]*value="([^"]+)"', page)
        ids = re.findall(r'href="/contacts/(\d+)', page)
        if token is None or not ids:
            return
        total = re.search(r'name="total"[^>]*value="(\d*)"', page)
        at = urlencode({"at": filters, "total": total[1] if total else ""})
        said = f"{at}&selection={token[1]}&page={','.join(ids)}"
        for more in (*(f"op=tick&id={each}" for each in ids[:3]), "op=page", "op=all"):
            self._think(chance)
            path = "/contacts/selection"
            self._answer(visitor, partial(visitor.post, path, f"{said}&{more}"))

    def _think(self, chance: random.Random) -> None:
        self._over.wait(chance.uniform(*THINKING))

    def _get(self, visitor: Visitor, path: str) -> str:
        return self._answer(visitor, partial(visitor.get, path))

    def _answer(self, visitor: Visitor, ask: Callable[[], tuple[int, str]]) -> str:
        if self._over.is_set():
            # Who was thinking when it ended goes home; otherwise all would ask at once.
            return ""
        began = time.perf_counter()
        try:
            status, text = ask()
        except (OSError, HTTPException) as error:
            self.errors.append(repr(error))
            return ""
        finally:
            # Thinking takes longer than the server keeps a silent connection.
            visitor.hang_up()
        self.took.append(time.perf_counter() - began)
        if status >= 300:
            self.errors.append(f"answered by {status}")
        return text


@measure
def crowd(bench: Bench) -> list[Row]:
    """A hundred people reading, selecting and watching while a run over all contacts is going."""
    bench.settle()
    with workers(2), web() as (_, port):
        alone = [_update(bench) for _ in range(bench.repeat)]
        for filters in FILTERS:
            # A server has been there for longer than those who come to it.
            rush(port, f"{LIST}?{filters}", connections=CONNECTIONS, seconds=1)
        bench.settle()
        run = _started(bench)
        people = Crowd(port, run.id)
        beside: list[float] = []
        began = time.monotonic()
        with people.here():
            while not beside or time.monotonic() - began < SECONDS:
                beside.append(wall(run))
                tick()
                run = _started(bench)
                people.run_id = run.id
            lasted = time.monotonic() - began
        wall(run)
    cuts = statistics.quantiles(people.took, n=100)
    rate = len(people.took) / lasted
    return [
        Row(
            f"{PEOPLE} people beside a run over {bench.total:,}: answers",
            f"{duration(cuts[94])}, 95 in 100 were as fast",
            f"{duration(cuts[49])}, the middle one; {rate:.0f} a second",
            None,
            "≤ 500 ms, no error",
            cuts[94] <= 0.5 and not people.errors,
        ),
        Row(
            "Errors they were shown",
            f"{len(people.errors)} of {len(people.took):,}",
            "; ".join(sorted(set(people.errors))[:3]),
            None,
            "0",
            not people.errors,
        ),
        at_most("That run", beside, alone, 1.5, "alone"),
    ]


def _started(bench: Bench) -> Run:
    return started(bench.user, "update_fields", {"set.source": bench.mark()}, expected=bench.total)


def _update(bench: Bench) -> float:
    return wall(_started(bench))
