"""The console's processes as these tests use them: started for real, watched, and killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from massadmin.embedded.children import Child
from tests.faults import mutant, warm
from tests.faults.person import reachable
from tests.processes import free_port, until

PROGRAM = ("-m", "massadmin.cli")


class Process:
    """One process; what it logs is kept in a file."""

    def __init__(
        self,
        environ: dict[str, str],
        arguments: Sequence[str],
        log: Path,
        replaced: Sequence[str] = (),
        first: Callable[[], None] | None = None,
    ) -> None:
        self.log = log
        self._process = warm.start(environ, arguments, replaced, log, first)
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def said(self) -> str:
        """What it has logged so far."""
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9 of it and whatever it forked."""
        # Both at once: what it has just forked would outlive it otherwise.
        with suppress(ProcessLookupError):
            until(lambda: os.getpgid(self.pid) == self.pid, "it leads a group of its own")
            os.killpg(self.pid, signal.SIGKILL)
        self._process.join()

    def left(self) -> int:
        """Wait until it leaves by itself; its exit status."""
        until(lambda: not self.alive, f"process {self.pid} leaves")
        assert self._process.exitcode is not None
        return self._process.exitcode


class Web(Process):
    """A web server and its address."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        super().__init__(environ, ("web", "--port", str(port)), log)


class Crew:
    """Workers, clocks and web servers on one database and queue. `end` kills whoever is left.

    Workers, clocks and commands do `first` before they begin.
    """

    def __init__(
        self, environ: dict[str, str], folder: Path, first: Callable[[], None] | None = None
    ) -> None:
        self.environ = {**environ, "MASSADMIN_LOG_LEVEL": "info"}
        # So many processes start here that compiling the same modules each time would take longer
        # than the tests.
        self.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self._folder, self._first = folder, first
        self._processes: list[Process] = []
        self._children: list[Child] = []

    def worker(self, *replaced: str) -> Process:
        """Start a worker; `replaced` is a part of its code taken out, as `mutant` has it."""
        return self._start("worker", *replaced)

    def clock(self, *replaced: str) -> Process:
        """Start a clock."""
        return self._start("clock", *replaced)

    def workers(self, count: int = 2) -> list[Process]:
        """Start several workers."""
        return [self.worker() for _ in range(count)]

    def web(self) -> Web:
        """Start a web server; it answers."""
        server = Web(self.environ, self._log("web"))
        self._processes.append(server)
        until(lambda: reachable(server.address), "the web server answers")
        return server

    def command(self, *arguments: str) -> str:
        """What `massadmin …` prints; it succeeds."""
        environ = {**self.environ, "MASSADMIN_LOG_LEVEL": "warning"}
        process = Process(environ, arguments, self._log(arguments[0]), first=self._first)
        self._processes.append(process)
        assert process.left() == 0, process.said()
        return process.said()

    def tended(self, command: str) -> Child:
        """A process that `tend` starts again when it left, as the supervisor does."""
        child = Child(
            name=command,
            argv=[sys.executable, *PROGRAM, command],
            environ=self.environ,
            output=self._log(command),
        )
        child.start()
        self._children.append(child)
        return child

    def tend(self) -> None:
        """Start those again that left."""
        for child in self._children:
            child.tend(lambda said: None)

    def said(self) -> str:
        """What everybody logged so far."""
        return "".join(path.read_text(errors="replace") for path in self._folder.glob("*.log"))

    def end(self) -> None:
        """Kill everybody."""
        for child in self._children:
            child.kill()
        for process in self._processes:
            process.kill()

    def _start(self, command: str, *replaced: str) -> Process:
        for at in range(0, len(replaced), 3):
            mutant.replaced(*replaced[at : at + 3])  # It is told here that there is no such code.
        process = Process(self.environ, [command], self._log(command), replaced, self._first)
        self._processes.append(process)
        return process

    def _log(self, command: str) -> Path:
        number = len(self._processes) + len(self._children)
        return self._folder / f"{number}-{command}.log"
