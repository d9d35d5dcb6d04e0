"""`up` from outside, with stand-ins for web, workers and clock."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from massadmin.embedded.sharing import running
from tests.embedded.processes import eventually, processes

UP = """
import logging, os, sys
from pathlib import Path
from massadmin.config import BadSetting, Settings
from massadmin.embedded import supervisor
logging.basicConfig(level="INFO", format="%(message)s", stream=sys.stdout)
supervisor.COMMAND = (sys.argv[1],)

def upgrade(settings):
    print("upgrade", settings.database_url.partition(":")[0], flush=True)

def prepare(settings, demo):
    print("prepare", demo, flush=True)
    if "STUCK" in os.environ:
        import time; time.sleep(600)
    return "Sign in as admin@example.com"

try:
    sys.exit(supervisor.run(Settings.from_env(), demo=True, upgrade=upgrade, prepare=prepare))
except BadSetting as error:
    sys.exit(f"massadmin: {error}")
"""

STAND_IN = """
import http.server, os, sys, time
assert os.environ["DATABASE_URL"] and os.environ["REDIS_URL"]
assert len(os.environ["SECRET_KEY"]) == 64
if sys.argv[1] != "web":
    time.sleep(600)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *args):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["MASSADMIN_PORT"])), Answer).serve_forever()
"""


class Up:
    """A running supervisor and what it says, line by line."""

    def __init__(self, data_dir: Path, port: int, **more: str) -> None:
        stand_in = data_dir.parent / "stand_in.py"
        stand_in.write_text(STAND_IN)
        environ = {"MASSADMIN_DATA_DIR": str(data_dir), "MASSADMIN_PORT": str(port), **more}
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, str(stand_in)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                self._lines.put(line.rstrip())
        self._lines.put(None)

    def hear(self, words: str, seconds: float = 30) -> str:
        """The next line with `words` in it."""
        while True:
            line = self._lines.get(timeout=seconds)
            assert line is not None, f"ended before {words!r}: {self.said}"
            self.said.append(line)
            if words in line:
                return line

    def ended(self) -> int:
        """Its exit status, with `said` complete."""
        status = self.process.wait(30)
        self._reader.join(30)
        while (line := self._lines.get_nowait()) is not None:
            self.said.append(line)
        return status

    def children(self, command: str) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if child.cmdline()[-1:] == [command]
        ]


@pytest.fixture
def port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@pytest.fixture
def up(data_dir: Path, port: int) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(**more: str) -> Up:
        started.append(Up(data_dir, port, **more))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
    # The data folder's own fixture looks for what is left running on it.
    assert eventually(lambda: not processes(data_dir.parent))


def test_it_starts_everything_and_stops_it_in_order(
    up: Callable[..., Up], data_dir: Path, port: int
) -> None:
    everything = up()
    began = time.monotonic()
    everything.hear("Massadmin is at")
    took = time.monotonic() - began
    everything.hear("Sign in as")
    assert everything.said.index("upgrade postgresql+psycopg") < everything.said.index(
        "prepare True"
    )
    assert everything.said[-2:] == [
        f"Massadmin is at http://127.0.0.1:{port} (Ctrl-C stops it)",
        "Sign in as admin@example.com",
    ]
    assert took < 5, "a start on an existing folder takes less than 5 seconds"
    # The others start when web is there, and are not waited for.
    wanted = {"web": 1, "worker": 2, "clock": 1}
    assert eventually(lambda: {name: len(everything.children(name)) for name in wanted} == wanted)
    everything.process.send_signal(signal.SIGTERM)
    assert everything.ended() == 0
    assert everything.said[-8:] == [
        "stopping",
        "web stopped",
        "worker 1 stopped",
        "worker 2 stopped",
        "clock stopped",
        "PostgreSQL stopped",
        "Valkey stopped",
        "stopped",
    ]
    assert eventually(lambda: not processes(data_dir.parent), 2)


def test_killed_it_leaves_no_process(up: Callable[..., Up], data_dir: Path) -> None:
    everything = up()
    everything.hear("Massadmin is at")
    assert eventually(lambda: bool(everything.children("clock")))
    everything.process.kill()
    assert eventually(lambda: not processes(data_dir.parent))


def test_killed_it_can_be_started_again_at_once(up: Callable[..., Up]) -> None:
    everything = up()
    everything.hear("Massadmin is at")
    everything.process.kill()
    everything.process.wait()
    again = up()
    again.hear("Massadmin is at")
    again.process.send_signal(signal.SIGTERM)
    assert again.ended() == 0


def test_what_dies_is_started_again_and_said(up: Callable[..., Up], data_dir: Path) -> None:
    everything = up()
    everything.hear("Massadmin is at")
    assert eventually(lambda: bool(everything.children("clock")))
    (clock,) = everything.children("clock")
    clock.kill()
    everything.hear("clock ended (SIGKILL), starts again in 0 s")
    everything.hear("clock started again")
    found = running(data_dir)
    assert found is not None
    valkey = next(p for p in psutil.Process(found.keeper).children() if "valkey" in p.exe())
    valkey.kill()
    everything.hear("Valkey ended (SIGKILL)")
    everything.hear("Valkey started again")
    psutil.Process(found.keeper).kill()
    everything.hear("PostgreSQL is ready")
    everything.hear("Valkey is ready")
    again = running(data_dir)
    assert again is not None
    assert again.keeper != found.keeper
    everything.process.send_signal(signal.SIGINT)
    assert everything.ended() == 0


def test_a_second_one_on_the_same_folder_is_refused(up: Callable[..., Up], data_dir: Path) -> None:
    first = up()
    first.hear("Massadmin is at")
    second = up()
    assert second.ended() == 1
    assert second.said == [
        f"massadmin: massadmin already runs on {data_dir} (process {first.process.pid}); "
        "stop it, or name another MASSADMIN_DATA_DIR and --port"
    ]
    assert first.process.poll() is None


def test_a_port_in_use_is_one_line_and_starts_nothing(
    up: Callable[..., Up], data_dir: Path, port: int
) -> None:
    with socket.create_server(("127.0.0.1", port)):
        refused = up()
        assert refused.ended() == 1
    assert refused.said == [
        f"massadmin: port {port} of 127.0.0.1 is in use; choose another with --port "
        "or MASSADMIN_PORT"
    ]


def test_it_can_be_stopped_while_it_prepares(up: Callable[..., Up]) -> None:
    everything = up(STUCK="1")
    everything.hear("prepare")
    everything.process.send_signal(signal.SIGINT)
    assert everything.ended() == 0
    assert everything.said[-3:] == ["PostgreSQL stopped", "Valkey stopped", "stopped"]
