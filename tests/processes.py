"""The console's own processes, started for real, on the database and queue of a test."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Generous, because test machines are busy; nothing waits this long unless something is broken.
DEADLINE = 120.0


@contextmanager
def process(environ: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`massadmin …` until the block ends; then it is asked to leave, and made to if it must be."""
    started = subprocess.Popen(
        [sys.executable, "-m", "massadmin.cli", *arguments],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def until(true: Callable[[], object], what: str) -> None:
    """Wait until `true()` is; fail, naming `what`, when it does not become so."""
    ends = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > ends:
            raise AssertionError(f"waited {DEADLINE:.0f} s in vain: {what}")
        time.sleep(0.02)


def free_port() -> int:
    """A TCP port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web(environ: dict[str, str]) -> Iterator[str]:
    """The web server's address, once it answers."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        if server.poll() is not None:
            raise AssertionError(f"the web server left with status {server.returncode}")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    with process(environ, "web", "--port", str(port)) as server:
        until(answers, "the web server answers")
        yield address
