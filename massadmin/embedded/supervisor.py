"""`massadmin up`: servers, web, workers and clock of one machine, started and stopped as one."""

from __future__ import annotations

import contextlib
import errno
import http.client
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from massadmin.config import BadSetting, Settings
from massadmin.embedded.children import Child, stop_all
from massadmin.embedded.private import private_dir, secret_key
from massadmin.embedded.programs import NoEmbedded
from massadmin.embedded.services import Share, needs, resolved
from massadmin.embedded.sharing import open_lock, try_lock
from massadmin.paths import PACKAGE

TICK = 0.2  # seconds between two looks at the children
COMMAND = ("-m", "massadmin.cli")  # followed by web, worker or clock
HEAD_START = 3.0  # seconds for web to load before the others want the processor too
RETRY = 5.0  # seconds between two tries to have the servers back
SLOW_START = 60.0  # seconds without an answer of the web server after which that is said

log = logging.getLogger("massadmin.supervisor")

Upgrade = Callable[[Settings], None]
Prepare = Callable[[Settings, bool], str]


def run(settings: Settings, *, demo: bool, upgrade: Upgrade, prepare: Prepare) -> int:
    """Run everything until Ctrl-C or SIGTERM; the exit status.

    `upgrade(settings)` brings the database to the newest migration. `prepare(settings, demo)`
    fills a new installation, with demo data if `demo`, and returns how to sign in, in lines to
    print under the address. Both get settings whose addresses answer.

    Raises:
        BadSetting: it cannot start; the message says why.
    """
    private_dir(settings.data_dir)
    with _only_one(settings.data_dir) as predecessor_was_killed, _stop_signals() as stopping:
        # Its web server needs a moment to end requests that it was answering.
        port_free(settings.host, settings.port, 6.0 if predecessor_was_killed else 0.0)
        try:
            _run(settings, demo, upgrade, prepare, stopping)
        except _Stop:
            log.info("stopped")
    return 0


class _Stop(BaseException):
    """Somebody wants us to end. Not an Exception: nothing on the way may take it for a fault."""


class _Stopping:
    """What the signals set. Before the children are up they raise; afterwards they are polled."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.hurry = False
        self.interrupts = True

    def take(self, number: int, frame: FrameType | None) -> None:
        self.hurry = self.asked.is_set()
        self.asked.set()
        if self.interrupts:
            self.interrupts = False
            raise _Stop


def _run(
    settings: Settings, demo: bool, upgrade: Upgrade, prepare: Prepare, stopping: _Stopping
) -> None:
    postgres, valkey = needs(settings)
    with contextlib.ExitStack() as ending:
        share = events = addresses = None
        if postgres or valkey:
            share = Share(settings.data_dir, postgres=postgres, valkey=valkey)
            events = _Events(settings.data_dir / "services.log")
            ending.callback(events.pass_on)
            ending.callback(share.leave)
            addresses = share.enter()
            events.pass_on()
        usable = resolved(settings, addresses)
        upgrade(usable)
        how_to_sign_in = prepare(usable, demo)
        children = _children(usable)
        stopping.interrupts = False
        ending.callback(stop_all, children, log.info, hurry=lambda: stopping.hurry)
        web, *others = children
        web.start()
        readiness = _Readiness(settings)
        while not stopping.asked.wait(TICK):
            if share is not None and events is not None:
                _have(share, settings.data_dir, stopping)
                events.pass_on()
            for child in children:
                child.tend(log.warning)
            if readiness.reached():
                print(f"Massadmin is at {readiness.url} (Ctrl-C stops it)", flush=True)
                if how_to_sign_in:
                    print(how_to_sign_in, flush=True)
            if others and readiness.waited() > (0 if readiness.done else HEAD_START):
                for child in others:
                    child.start()
                others = []
        log.info("stopping")
    raise _Stop


def _have(share: Share, data_dir: Path, stopping: _Stopping) -> None:
    """See to it that the servers have a keeper."""
    while not stopping.asked.is_set():
        if not data_dir.is_dir():
            raise BadSetting(f"the data folder {data_dir} is gone")
        try:
            share.ensure()
        except NoEmbedded as error:
            log.error("%s; tries again in %g s", error, RETRY)
            stopping.asked.wait(RETRY)
        else:
            return


def _children(settings: Settings) -> list[Child]:
    """Web, workers and clock."""
    environ = {**os.environ, **settings.to_environ(), "SECRET_KEY": secret_key(settings)}
    if (PACKAGE.parent / "app.py").is_file():
        # A checkout need not be installed; from any folder, its package is found.
        environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, (str(PACKAGE.parent), environ.get("PYTHONPATH")))
        )

    def child(name: str, command: str) -> Child:
        # All of them may be killed when we are: what a worker had begun is rolled back and done
        # again, and the processes that web forks have the kernel do the same to them.
        return Child(name=name, argv=[sys.executable, "-P", *COMMAND, command], environ=environ)

    return [
        child("web", "web"),
        *(child(f"worker {n + 1}", "worker") for n in range(settings.workers)),
        child("clock", "clock"),
    ]


class _Events:
    """What the keeper of the servers writes to its log while we run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = path.stat().st_size if path.exists() else 0

    def pass_on(self) -> None:
        """Log the lines that were written since the last time."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size < self._read:
                self._read = 0
            with self._path.open() as file:
                file.seek(self._read)
                for line in file:
                    log.info("%s", line.rstrip().partition(" INFO ")[2] or line.rstrip())
                self._read = file.tell()


class _Readiness:
    """Watches for the moment when /readyz answers with 200."""

    def __init__(self, settings: Settings) -> None:
        every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        self._host = every.get(settings.host, settings.host)
        self._port = settings.port
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{shown}:{settings.port}"
        self._began = time.monotonic()
        self.done = self._warned = False

    def waited(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def reached(self) -> bool:
        """True once, the first time that everything answers."""
        if self.done:
            return False
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection(self._host, self._port, timeout=2)
            try:
                line.request("GET", "/readyz")
                self.done = line.getresponse().status == 200
            finally:
                line.close()
        if not self.done and not self._warned and self.waited() > SLOW_START:
            self._warned = True
            log.warning("%s/readyz does not answer; `massadmin doctor` says why", self.url)
        return self.done


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[bool]:
    """Be the only one on `data_dir`; gives whether the one before did not end by itself."""
    handle = open_lock(data_dir / "up.lock")
    try:
        if not try_lock(handle):
            with os.fdopen(os.dup(handle)) as file:
                who = file.read().strip()
            raise BadSetting(
                f"massadmin already runs on {data_dir} (process {who}); "
                "stop it, or name another MASSADMIN_DATA_DIR and --port"
            )
        killed = os.fstat(handle).st_size > 0
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        try:
            yield killed
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _stop_signals() -> Iterator[_Stopping]:
    stopping = _Stopping()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` sets it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stopping.take) for number in numbers}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def port_free(host: str, port: int, patience: float) -> None:
    """Raises BadSetting when `port` cannot be listened on, or not within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            with socket.socket(family, kind, protocol) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
            return
        except UnicodeError as error:
            raise BadSetting(
                f"{host!r} is no name of a host: see --host or MASSADMIN_HOST"
            ) from error
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise BadSetting(
                    f"cannot listen on {host!r}, port {port}: {error.strerror}; choose an address "
                    "of this machine with --host or MASSADMIN_HOST"
                ) from error
            if time.monotonic() >= deadline:
                raise BadSetting(
                    f"port {port} of {host} is in use; choose another with --port or MASSADMIN_PORT"
                ) from error
        time.sleep(0.1)
