"""Children end with their parent, whichever way the machine does that, and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from massadmin.embedded import children
from massadmin.embedded.children import Child, stop_all
from tests.embedded.processes import eventually

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]

# A parent of one child, which it names before it waits.
PARENT = """
import sys, time
from massadmin.embedded.children import Child
child = Child(name="c", argv=sys.argv[2:], watched=sys.argv[1] == "watched")
child.start()
print(child.process.pid, flush=True)
time.sleep(600)
"""

# A program with a mark on its command line, so that it can be told from the script before it.
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


# Ends a moment after the first signal, and says how many came.
COUNTING = """
import signal, time
came = []
signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
print("ready", flush=True)
while not came:
    time.sleep(0.01)
time.sleep(0.2)
print(len(came), "signal" if len(came) == 1 else "signals", flush=True)
"""


@pytest.mark.parametrize("how", ["watched", "by the kernel"])
def test_a_child_does_not_outlive_a_killed_parent(how: str) -> None:
    if how == "by the kernel" and sys.platform != "linux":
        pytest.skip("only Linux signals the children of a process that ends")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, how, *SLEEP],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    programs = [child]
    if how == "watched":
        assert eventually(lambda: bool(child.children()))
        programs += child.children()
    assert eventually(lambda: "time.sleep" in " ".join(programs[-1].cmdline()))
    parent.kill()
    parent.wait()
    # A process that nobody waits for any more may stay in the table, as a zombie.
    assert eventually(lambda: not any(alive(each) for each in programs))


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("watched", [False, True])
def test_the_exit_status_comes_through(watched: bool) -> None:
    child = Child(name="c", argv=[sys.executable, "-c", "exit(7)"], watched=watched)
    assert child.run() == 7


def test_input_output_and_environment_are_the_childs_own(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdin.read(), os.environ['COLOUR'], os.getcwd())"
    child = Child(
        name="c",
        argv=[sys.executable, "-c", code],
        cwd=tmp_path,
        environ={"COLOUR": "green"},
        stdin=b"heard",
        output=tmp_path / "out",
    )
    assert child.run() == 0
    assert (tmp_path / "out").read_text() == f"heard green {tmp_path}\n"


@pytest.mark.parametrize("watched", [False, True])
def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, watched: bool) -> None:
    child = Child(
        name="c",
        argv=[sys.executable, "-c", STUBBORN],
        output=tmp_path / "out",
        patience=0.2,
        watched=watched,
    )
    child.start()
    assert child.process is not None
    process = child.process
    assert eventually(lambda: (tmp_path / "out").read_text() == "deaf\n")
    assert child.stop() is False
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[list[Child]]:
    """Three children that do not listen, and a patience of two seconds with each."""
    started = []
    for name in ("a", "b", "c"):
        output = tmp_path / name
        started.append(
            Child(
                name=name,
                argv=[sys.executable, "-I", "-S", "-c", STUBBORN],
                output=output,
                patience=2.0,
            )
        )
        started[-1].start()
    assert eventually(
        lambda: {(tmp_path / each.name).read_text() for each in started} == {"deaf\n"}
    )
    yield started
    for child in started:
        child.kill()


def test_children_are_stopped_together(stubborn: list[Child]) -> None:
    said: list[str] = []
    began = time.monotonic()
    stop_all(stubborn, said.append)
    took = time.monotonic() - began
    assert said == [f"{name} had to be killed" for name in ("a", "b", "c")]
    assert 2 <= took < 4, "one after the other takes six seconds"


def test_who_is_in_a_hurry_waits_for_none(stubborn: list[Child]) -> None:
    said: list[str] = []
    began = time.monotonic()
    stop_all(stubborn, said.append, hurry=lambda: True)
    assert time.monotonic() - began < 2
    assert said == [f"{name} had to be killed" for name in ("a", "b", "c")]


def test_a_child_is_asked_to_stop_only_once(tmp_path: Path) -> None:
    # A second signal tells a worker to drop the chunk at hand.
    child = Child(name="c", argv=[sys.executable, "-c", COUNTING], output=tmp_path / "out")
    child.start()
    assert eventually(lambda: (tmp_path / "out").read_text() == "ready\n")
    child.ask_to_stop()
    assert child.stop() is True
    assert (tmp_path / "out").read_text() == "ready\n1 signal\n"


def test_a_dead_child_is_started_again_after_longer_and_longer_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "FIRST_PAUSE", 0.05)
    said: list[str] = []
    child = Child(name="clock", argv=[sys.executable, "-I", "-c", "exit(3)"])
    child.start()

    def tended() -> bool:
        child.tend(said.append)
        return len(said) >= 6

    assert eventually(tended)
    child.stop()
    assert said[:6] == [
        "clock ended (status 3), starts again in 0 s",
        "clock started again",
        "clock ended (status 3), starts again in 0.05 s",
        "clock started again",
        "clock ended (status 3), starts again in 0.1 s",
        "clock started again",
    ]


def test_a_lock_keeps_a_second_one_out_until_the_first_and_its_offspring_are_gone(
    tmp_path: Path,
) -> None:
    fork = "import os, time; n = os.fork(); print(n, flush=True) if n else time.sleep(600)"
    first = Child(
        name="a",
        argv=[sys.executable, "-I", "-S", "-c", fork],
        lock=tmp_path / "lock",
        output=tmp_path / "out",
    )
    assert first.run() == 0  # its offspring sleeps on
    second = Child(
        name="b",
        argv=[sys.executable, "-I", "-S", "-c", "print('second')"],
        lock=tmp_path / "lock",
        lock_patience=0.1,
        output=tmp_path / "second",
    )
    assert second.run() == 1
    assert "is held by a process that does not end" in (tmp_path / "second").read_text()
    os.kill(int((tmp_path / "out").read_text()), signal.SIGKILL)
    second.lock_patience = 20
    assert second.run() == 0


def test_what_a_predecessor_left_is_removed_under_the_lock(tmp_path: Path) -> None:
    (tmp_path / "stale").touch()
    argv = [sys.executable, "-c", "import os; exit(os.path.exists('stale'))"]
    assert Child(name="c", argv=argv, cwd=tmp_path, remove=["stale"]).run() == 0


def test_a_program_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    child = Child(name="c", argv=[str(tmp_path / "missing")], output=tmp_path / "out")
    began = time.monotonic()
    assert child.run() == 1
    assert time.monotonic() - began < 10
    assert "missing" in (tmp_path / "out").read_text()
