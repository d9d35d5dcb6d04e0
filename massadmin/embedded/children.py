"""Child processes: tied to this process's life, started again when they die, stopped in time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from massadmin.embedded import child as child_script

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
SETTLED = 60.0  # seconds of life after which a death counts as the first one again

Say = Callable[[str], None]
Hurry = Callable[[], bool]


@dataclass(frozen=True)
class Owner:
    """The user, by number, whose rights a child has."""

    uid: int
    gid: int


@dataclass(kw_only=True)
class Child:
    """One program that runs as long as it is wanted.

    `start` it in a thread that lives as long as it shall: the kernel ends it with that thread.
    """

    name: str
    argv: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    patience: float = 5.0  # seconds that `stop` waits before it kills
    cwd: Path | None = None
    owner: Owner | None = None
    environ: Mapping[str, str] | None = None
    lock: Path | None = None
    lock_patience: float = 30.0
    remove: Sequence[str] = ()  # files, from `cwd`, that a dead predecessor may have left
    stdin: bytes = b""
    output: Path | None = None
    watched: bool = sys.platform != "linux"
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _pause: float = field(default=0.0, init=False)
    _due: float | None = field(default=None, init=False)
    _pipe: int | None = field(default=None, init=False)
    _deadline: float | None = field(default=None, init=False)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the program; returns before it is ready for anything."""
        read_end = None
        if self.watched:
            read_end, self._pipe = os.pipe()
        spec = {
            "argv": [str(each) for each in self.argv],
            "parent": os.getpid(),
            "signal": int(self.orphan_signal),
            "cwd": str(self.cwd) if self.cwd else None,
            "uid": self.owner.uid if self.owner else None,
            "gid": self.owner.gid if self.owner else None,
            "lock": str(self.lock) if self.lock else None,
            "lock_patience": self.lock_patience,
            "remove": list(self.remove),
            "pipe": read_end,
        }
        with contextlib.ExitStack() as closing:
            output: IO[bytes] | None = None
            if self.output is not None:
                output = closing.enter_context(self.output.open("ab"))
            self.process = subprocess.Popen(  # noqa: S603 - the arguments are our own
                [sys.executable, "-I", "-S", child_script.__file__, json.dumps(spec)],
                stdin=subprocess.PIPE if self.stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=None if self.environ is None else dict(self.environ),
                pass_fds=() if read_end is None else (read_end,),
                process_group=0,
            )
        if read_end is not None:
            os.close(read_end)
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self.process.stdin:
                self.process.stdin.write(self.stdin)
        self._started = time.monotonic()
        self._due = None

    def run(self) -> int:
        """Start the program and wait for its end; its exit status (negative: a signal)."""
        self.start()
        assert self.process is not None
        try:
            return self.process.wait()
        finally:
            self.stop()

    def tend(self, say: Say) -> None:
        """Start it again if it died: at once the first time, then after ever longer pauses."""
        if self.alive or self.process is None:
            return
        now = time.monotonic()
        if self._due is None:
            self._close_pipe()
            if now - self._started > SETTLED:
                self._pause = 0.0
            say(
                f"{self.name} ended ({_ending(self.process.returncode)}), "
                f"starts again in {self._pause:g} s"
            )
            self._due = now + self._pause
            self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        elif now >= self._due:
            self.start()
            say(f"{self.name} started again")

    def signal(self, number: signal.Signals) -> None:
        """Send `number` to the program alone, if it lives."""
        if self.alive and self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def ask_to_stop(self) -> None:
        """Tell it to end, once, and do not wait for that; its patience runs from now."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self.patience
            self.signal(self.stop_signal)

    def stop(self, hurry: Hurry = lambda: False) -> bool:
        """End it and wait for that; False when it had to be killed, as it is when `hurry` says."""
        polite = True
        if self.process is not None and self.alive:
            self.ask_to_stop()
            polite = self._ends_by_itself(hurry)
            if not polite:
                self.kill()
        self.process = self._deadline = None
        self._close_pipe()
        return polite

    def _ends_by_itself(self, hurry: Hurry) -> bool:
        assert self._deadline is not None
        while self.alive:
            if hurry() or time.monotonic() > self._deadline:
                return False
            time.sleep(0.02)
        return True

    def kill(self) -> None:
        """End it and everything in its process group at once."""
        if self.process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


def stop_all(children: Iterable[Child], say: Say, hurry: Hurry = lambda: False) -> None:
    """Stop those that run, all at once: none of them may need another in order to end."""
    running = [child for child in children if child.process is not None]
    for child in running:
        child.ask_to_stop()
    for child in running:
        polite = child.stop(hurry)
        say(f"{child.name} {'stopped' if polite else 'had to be killed'}")


def _ending(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
