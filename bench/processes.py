"""Starting the console's own processes, waiting for what they do, and asking a web server fast."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlencode

from bench.measuring import rows_of
from massadmin.cli.aside import PASSWORD
from massadmin.cli.console import settings_now
from massadmin.runs.models import Run

PATIENCE = 600.0
EMAIL = "bench@massadmin.example"
FORM_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m bench.child …` until the block ends."""
    started = subprocess.Popen(
        [sys.executable, "-m", "bench.child", *arguments],
        env=os.environ | settings_now().to_environ(),
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def workers(count: int) -> Iterator[list[int]]:
    """So many workers, there and listening; their process ids."""
    before = _listening()
    with _several(count) as pids:
        until(lambda: _listening() >= before + count, "workers")
        yield pids


@contextmanager
def _several(count: int) -> Iterator[list[int]]:
    if not count:
        yield []
        return
    with process("worker") as first, _several(count - 1) as others:
        yield [first.pid, *others]


def _listening() -> int:
    return int(rows_of("SELECT count(*) FROM heartbeats WHERE kind = 'worker'")[0][0])


@contextmanager
def web(processes: int = 2) -> Iterator[tuple[int, int]]:
    """A web server that answers; its process id and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def answers() -> bool:
        try:
            return Visitor(port).get("/sign-in")[0] == 200
        except OSError:
            return False

    with process("web", str(port), str(processes)) as server:
        until(answers, "the web server")
        yield server.pid, port


def until(true: Callable[[], object], what: str, every: float = 0.01) -> float:
    """Wait until `true()` is, asking `every` so many seconds; the seconds that took.

    Raises:
        TimeoutError: it has not become so within `PATIENCE`.
    """
    began = time.monotonic()
    while not true():
        if time.monotonic() > began + PATIENCE:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(every)
    return time.monotonic() - began


def state_of(run: Run) -> str:
    """What state the run is in now."""
    return str(rows_of("SELECT state FROM runs WHERE id = :id", id=run.id)[0][0])


def wall(run: Run) -> float:
    """Seconds from the first chunk of a run to its end, by the database's clock."""
    # The database keeps the time. To ask a hundred times a second would take a fifth of a core.
    until(lambda: state_of(run) == "completed", f"run {run.id}", every=0.2)
    return float(
        rows_of(
            "SELECT extract(epoch FROM finished_at - started_at) FROM runs WHERE id = :id",
            id=run.id,
        )[0][0]
    )


class Visitor:
    """Somebody with one connection that stays open, and a cookie once signed in."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = ""
        self._token = ""

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        return self._ask("GET", path)

    def post(self, path: str, body: str) -> tuple[int, str]:
        """Status and body. The token of forms is that of the last page which had one."""
        return self._ask("POST", path, f"{body}&{urlencode({'csrf_token': self._token})}")

    def become(self, other: Visitor) -> None:
        """Go on as who `other` is signed in as."""
        self._cookie, self._token = other._cookie, other._token

    def hang_up(self) -> None:
        """Leave the connection, which the server would not keep for long; the next asking opens
        another."""
        self._connection.close()

    def sign_in(self) -> None:
        """Become the user of the bench."""
        self.get("/sign-in")
        status, _ = self.post("/sign-in", urlencode({"email": EMAIL, "password": PASSWORD}))
        if status != 303:
            raise RuntimeError(f"signing in was answered by {status}")

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        headers = {"Cookie": self._cookie}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            self._cookie = cookie.partition(";")[0]
        if found := FORM_TOKEN.search(text):
            self._token = found[1]
        return answer.status, text


def rush(port: int, path: str, *, connections: int, seconds: float) -> tuple[float, list[float]]:
    """Ask for `path` again and again: answers per second, and the seconds that each took."""
    visitors = [Visitor(port) for _ in range(connections)]
    for visitor in visitors:
        visitor.sign_in()
        visitor.hang_up()
    took: list[float] = []
    ends = time.perf_counter() + seconds

    def go(visitor: Visitor) -> None:
        while (began := time.perf_counter()) < ends:
            status, _ = visitor.get(path)
            if status != 200:
                raise RuntimeError(f"{path} was answered by {status}")
            took.append(time.perf_counter() - began)

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(go, visitors))
    return len(took) / seconds, took
