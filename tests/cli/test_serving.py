"""`massadmin up`, `web`, `worker` and `clock`, as processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import func, select

from massadmin.auth.models import User
from massadmin.cli import serving
from massadmin.embedded.passwords import ADMIN, FILE
from massadmin.extensions import db
from massadmin.runs.alive import count_alive
from massadmin.runs.models import Run, RunChunk, RunResult
from tests.cli.conftest import Shell
from tests.embedded.processes import eventually, processes
from tests.factories import CHUNK, finished, fresh, some_contacts, start_action
from tests.processes import free_port, process, until

pytestmark = pytest.mark.usefixtures("shell")


def ends_well(started: subprocess.Popen[bytes]) -> int:
    """The exit status after SIGTERM."""
    started.send_signal(signal.SIGTERM)
    return started.wait(30)


def done_chunks(run: Run) -> int:
    db.session.rollback()
    return (
        db.session.scalar(
            select(func.count()).where(RunChunk.run_id == run.id, RunChunk.state == "done")
        )
        or 0
    )


def test_a_worker_that_is_asked_to_leave_finishes_its_chunk(
    environ: dict[str, str], admin: User
) -> None:
    some_contacts(12_000)
    run = start_action("add_tags", admin, tags="one,two,three")
    with process(environ, "worker") as worker:
        until(lambda: done_chunks(run) >= 2, "the worker works")
        assert ends_well(worker) == 0
    unfinished = fresh(run)
    results = db.session.scalar(select(func.count()).where(RunResult.run_id == run.id))
    assert unfinished.state == "running", "it left before the end, so this proves something"
    assert results == done_chunks(run) * CHUNK
    assert count_alive("worker") == 0
    # It rang for the others before it left.
    with process(environ, "worker"):
        until(lambda: fresh(run).state == "completed", "another worker goes on")
    assert (fresh(run).succeeded, fresh(run).total) == (12_000, 12_000)


def test_waiting_watches_a_worker_that_is_alive(
    environ: dict[str, str], admin: User, shell: Shell
) -> None:
    some_contacts(500)
    with process(environ, "worker"):
        until(lambda: count_alive("worker") == 1, "the worker gives a sign of life")
        said = shell.json(
            "run", "add_tags", "--module", "contacts", "--all", "--param", "tags=x", "--wait"
        )
    assert (said["state"], said["succeeded"]) == ("completed", 500)


def test_a_clock_settles_what_was_missed_and_leaves_when_asked(
    environ: dict[str, str], admin: User
) -> None:
    some_contacts(100)
    run = fresh(start_action("add_tags", admin, tags="x"))
    run.state = "pausing"
    db.session.commit()
    with process(environ, "clock") as clock:
        until(lambda: fresh(run).state == "paused", "the clock settles the run")
        assert ends_well(clock) == 0
    assert count_alive("clock") == 0


def test_a_clock_rings_for_a_worker_to_complete_what_was_left(
    environ: dict[str, str], admin: User
) -> None:
    some_contacts(100)
    run = start_action("add_tags", admin, tags="x")
    finished(run)
    run = fresh(run)
    run.state, run.finished_at = "running", None
    db.session.commit()
    with process(environ, "worker"), process(environ, "clock"):
        until(lambda: fresh(run).state == "completed", "a worker hears the clock")


def test_the_web_server_answers_and_leaves_when_asked(environ: dict[str, str]) -> None:
    port = free_port()

    def answer(path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as page:
                return str(page.read().decode())
        except OSError:
            return ""

    with process(environ, "web", "--port", str(port)) as server:
        until(lambda: '"ready":true' in answer("/readyz"), "the web server answers")
        assert "<form" in answer("/contacts"), "who is not signed in is asked to"
        for _ in range(20):
            assert answer("/healthz")
        counted = (
            'massadmin_http_requests_total{endpoint="health.process",method="GET",status="200"}'
        )
        for _ in range(6):  # by whichever process; each tells what all of them counted
            assert f"{counted} 20.0" in answer("/metrics")
        assert ends_well(server) == 0
    assert answer("/healthz") == ""


def test_an_address_that_cannot_be_listened_on_is_one_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PREDECESSOR", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "--port" in shell.refused("web", "--port", port)
        for host in ("", "256.1.1.1", "192.0.2.1", "no such host", "x" * 300, "a..b"):
            assert "--host" in shell.refused("web", "--host", host, "--port", port)


def test_everything_comes_up_with_something_to_look_at_and_goes_down(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MASSADMIN")},
        "MASSADMIN_DATA_DIR": str(data_dir),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    environ.pop("DATABASE_URL", None)
    environ.pop("REDIS_URL", None)

    def massadmin(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "massadmin.cli", *words],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    up = massadmin("up", "--port", str(port), "--workers", "1")
    try:
        said = _hear(up, "Sign in as")
        assert f"http://127.0.0.1:{port}" in said
        assert f"{ADMIN}; the password is in {data_dir / FILE}" in said

        # The worker and the clock start once the web server answers.
        def healthy() -> bool:
            with massadmin("doctor") as doctor:
                doctor.communicate(timeout=60)
            return doctor.returncode == 0

        until(healthy, "the doctor finds nothing wrong")
        with massadmin("count", "contacts", "--json") as count:
            assert count.stdout is not None
            assert count.stdout.read() == '{"count": 4965}\n'
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0
    finally:
        up.kill()
        up.wait()
        assert up.stdout is not None
        up.stdout.close()
    assert eventually(lambda: not processes(data_dir)), processes(data_dir)


def _hear(started: subprocess.Popen[str], words: str) -> str:
    """What it says until a line with `words`."""
    assert started.stdout is not None
    said = ""
    for line in started.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"ended before {words!r}: {said}")
