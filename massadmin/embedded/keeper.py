"""The process that keeps PostgreSQL and Valkey for everyone who uses a data folder.

Whoever comes first starts it; it outlives that one and ends after the last one. So a command may
come and go while `massadmin up` runs, and the other way round, and nothing is pulled from under
the other. It is nobody's child; it sees by `sharing`'s locks who is left, even after `kill -9`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from massadmin.config import BadSetting
from massadmin.embedded.children import stop_all
from massadmin.embedded.postgres import Postgres
from massadmin.embedded.sharing import (
    USERS,
    Addresses,
    open_lock,
    publish,
    try_lock,
    withdraw,
)
from massadmin.embedded.short_path import forget, short_path
from massadmin.embedded.valkey import Valkey

TICK = 0.1  # seconds between two looks at the users and the servers
LAST_WORDS = 15.0  # seconds that users have to leave after the keeper is told to end
LOG = "services.log"
LARGEST_LOG = 10 * 1024 * 1024

log = logging.getLogger("massadmin.services")


class Failed(Exception):
    """A server did not start; the message says which and what it said."""


class Keeper:
    """The two servers of `data_dir`, or the ones of them that are wanted."""

    def __init__(self, data_dir: Path, *, postgres: bool, valkey: bool, durable: bool) -> None:
        self.data_dir = data_dir
        self.postgres = Postgres(data_dir, durable=durable) if postgres else None
        self.valkey = Valkey(data_dir, durable=durable) if valkey else None
        self.servers = [each for each in (self.postgres, self.valkey) if each is not None]
        self.told_to_end: float | None = None

    def start(self) -> Addresses:
        """Start the servers and wait until they answer. Raises Failed, BadSetting."""
        for server in self.servers:
            _rotate(server.log)
            server.prepare()
            server.child.start()
        for server in self.servers:
            began = time.monotonic()
            while not server.ready():
                if not server.child.alive:
                    raise Failed(f"{server.child.name} did not start: {_last_line(server.log)}")
                if self.told_to_end is not None:
                    raise Failed(f"{server.child.name} was told to end while it started")
                # Recovery after a crash may take minutes; it is not a failure.
                time.sleep(0.005 if time.monotonic() - began < 2 else 0.1)
            log.info("%s is ready", server.child.name)
        base = short_path(self.data_dir)
        return Addresses(
            database_url=self.postgres.url(base) if self.postgres else "",
            redis_url=self.valkey.url(base) if self.valkey else "",
            keeper=os.getpid(),
        )

    def keep(self, users: int) -> None:
        """Tend the servers until the lock `users` has no other holder, or the end is told."""
        while not try_lock(users):
            if self.told_to_end is not None and time.monotonic() > self.told_to_end + LAST_WORDS:
                log.warning("told to end: stopping while the servers are still in use")
                return
            if _replaced(users, self.data_dir / USERS):
                log.warning("the data folder is gone: stopping")
                return
            for server in self.servers:
                server.child.tend(log.warning)
            time.sleep(TICK)

    def stop(self) -> None:
        """Stop both at once: nobody uses them any more, and neither needs the other."""
        stop_all([each.child for each in self.servers], log.info)

    def end(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.told_to_end is None:
            self.told_to_end = time.monotonic()


def main() -> int:
    """Run as a keeper; the one argument is JSON, see `services.Share`. The exit status."""
    spec = json.loads(sys.argv[1])
    data_dir = Path(spec["data_dir"])
    os.chdir(data_dir)
    _rotate(data_dir / LOG)
    _log_to(data_dir / LOG)
    users = open_lock(data_dir / USERS)
    report = os.fdopen(spec["report"], "w")
    try:
        keeper = Keeper(
            data_dir,
            postgres=spec["postgres"],
            valkey=spec["valkey"],
            durable=spec["durable"],
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, keeper.end)
        try:
            # The descriptor that comes back is closed, and with it the addresses withdrawn, only
            # by the end of this process.
            publish(data_dir, keeper.start())
            report.close()
            keeper.keep(users)
        finally:
            withdraw(data_dir)
            keeper.stop()
            forget(data_dir)
    except (BadSetting, Failed, OSError) as error:
        log.error("%s", error)
        if not report.closed:
            report.write(str(error))
            report.close()
        return 1
    return 0


def detached() -> None:
    """Leave the session and the parent of the process that started this one, then be a keeper."""
    if os.fork():
        os._exit(0)
    os.setsid()
    status = main()
    logging.shutdown()
    # At once: who waits for our locks is told that we are gone, and shall find it so.
    os._exit(status)


def _replaced(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino != path.stat().st_ino
    except FileNotFoundError:
        return True


def _rotate(path: Path) -> None:
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.rename(path.with_name(path.name + ".1"))


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return f"{lines[-1] if lines else 'it said nothing'} (see {path})"


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
