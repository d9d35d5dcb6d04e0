"""The web server's processes: they answer side by side, and end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from massadmin.cli.web_server import COUNTS, KEPT, counted_together
from massadmin.web.runs.index import QUICK, SLOW
from tests.embedded.processes import eventually
from tests.processes import free_port

# A supervisor, as far as the web server can tell, and a page that takes its time.
PARENT = """
import sys, time
from massadmin.embedded.children import Child
web = Child(name="web", argv=[sys.executable, "-c", sys.argv[1], sys.argv[2]])
web.start()
print(web.process.pid, flush=True)
time.sleep(600)
"""
WEB = """
import os, sys, time
from flask import Flask
from massadmin.cli.web_server import WebServer
app = Flask("slow", template_folder=None)

@app.get("/slow")
def slow():
    time.sleep(600)

@app.get("/who")
def who():
    return str(os.getpid())

WebServer(app, host="127.0.0.1", port=int(sys.argv[1]), processes=2, threads=2).run()
"""


def test_a_connection_is_kept_from_one_poll_to_the_next() -> None:
    assert all(float(every.removesuffix("s")) < KEPT for every in (QUICK, SLOW))


@contextmanager
def served() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The server above, with two processes of two threads, and its port; it answers."""
    port = free_port()
    web = subprocess.Popen(
        [sys.executable, "-c", WEB, str(port)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: who(port) > 0)
        yield web, port
    finally:
        web.kill()
        web.wait()


def test_another_goes_on_where_one_is_killed() -> None:
    with served() as (web, port):
        first = who(port)
        assert first in {each.pid for each in psutil.Process(web.pid).children()}
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: who(port) not in (0, first))
        assert eventually(lambda: len(psutil.Process(web.pid).children()) == 2)
        web.send_signal(signal.SIGTERM)
        assert web.wait(20) == 0


def test_a_free_thread_answers_whichever_process_has_it() -> None:
    with served() as (_, port), ExitStack() as lines:
        for _ in range(3):  # of the four threads that there are
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answers = {who(port) for _ in range(20)}
        assert len(answers) == 1
        assert 0 not in answers


def who(port: int) -> int:
    """Which process answers; 0 when none does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/who", timeout=5) as answer:
            return int(answer.read())
    except OSError:
        return 0


def test_a_killed_parent_takes_it_along_in_the_middle_of_an_answer() -> None:
    port = free_port()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, WEB, str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        web = psutil.Process(int(parent.stdout.readline()))

    with socket.socket() as line:
        assert eventually(lambda: line.connect_ex(("127.0.0.1", port)) == 0)
        line.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert eventually(lambda: len(web.children()) == 2)
        processes = [web, *web.children()]
        # Answering: a thread of the pool has been started for it.
        assert eventually(lambda: any(each.num_threads() > 1 for each in processes[1:]))
        parent.kill()
        parent.wait()
        assert eventually(lambda: not any(alive(each) for each in processes), 5)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_counts_of_servers_that_were_killed_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, used = tmp_path / f"{COUNTS}{ended.pid}-a", tmp_path / f"{COUNTS}{os.getppid()}-b"
    for each in (left, used):
        each.mkdir()
    with counted_together():
        mine = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        assert set(tmp_path.iterdir()) == {used, mine}
    assert set(tmp_path.iterdir()) == {used}
