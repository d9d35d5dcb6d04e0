"""The database and the queue of a process: those that are set, or the embedded ones."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from massadmin.config import Settings, normalise_database_url
from massadmin.embedded.private import private_dir
from massadmin.embedded.programs import NoEmbedded
from massadmin.embedded.sharing import KEEPER, USERS, Addresses, open_lock, running, try_lock
from massadmin.paths import PACKAGE

CLOSING = 120.0  # seconds, more than stopping both servers ever takes

# The package itself is replaced by an empty one: the keeper uses none of the web application,
# whose import takes longer than starting both servers.
_KEEPER = """
import sys, types
package = types.ModuleType("massadmin")
package.__path__ = [sys.argv.pop()]
sys.modules["massadmin"] = package
from massadmin.embedded.keeper import detached
detached()
"""


class Share:
    """One process's use of the embedded servers of a data folder, from `enter` to `leave`."""

    def __init__(
        self, data_dir: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True
    ) -> None:
        self.data_dir = data_dir
        self.postgres, self.valkey, self.durable = postgres, valkey, durable
        self._users: int | None = None

    def enter(self) -> Addresses:
        """Start the servers, or join those that run. Raises BadSetting, NoEmbedded."""
        private_dir(self.data_dir)
        self._users = open_lock(self.data_dir / USERS)
        deadline = time.monotonic() + CLOSING
        while not try_lock(self._users, fcntl.LOCK_SH):
            # The last ones of before are just stopping.
            if time.monotonic() > deadline:
                raise NoEmbedded(f"the servers of {self.data_dir} do not finish stopping")
            time.sleep(0.02)
        try:
            return self.ensure()
        except BaseException:
            self.leave()
            raise

    def ensure(self) -> Addresses:
        """The addresses; servers whose keeper was killed are started again."""
        while True:
            found = running(self.data_dir)
            if found is not None:
                return self._fitting(found)
            lock = open_lock(self.data_dir / KEEPER)
            try:
                if try_lock(lock):
                    self._start(lock)
                else:
                    time.sleep(0.02)  # somebody else's keeper is about to be ready
            finally:
                os.close(lock)

    def leave(self) -> None:
        """End the use. The last one out waits until the servers have stopped."""
        if self._users is None:
            return
        deadline = time.monotonic() + CLOSING
        lock = open_lock(self.data_dir / KEEPER)
        try:
            while time.monotonic() < deadline:
                if try_lock(self._users):
                    fcntl.flock(self._users, fcntl.LOCK_UN)  # alone: now the keeper can have it
                elif running(self.data_dir) is not None:
                    break  # others go on
                if try_lock(lock):
                    break  # no keeper is left
                time.sleep(0.02)
        finally:
            os.close(lock)
            os.close(self._users)
            self._users = None

    def _fitting(self, found: Addresses) -> Addresses:
        if (self.postgres and not found.database_url) or (self.valkey and not found.redis_url):
            raise NoEmbedded(
                f"{self.data_dir} is in use with DATABASE_URL or REDIS_URL set; "
                "set the same here, or name another MASSADMIN_DATA_DIR"
            )
        return found

    def _start(self, lock: int) -> None:
        read_end, write_end = os.pipe()
        spec = {
            "data_dir": str(self.data_dir),
            "postgres": self.postgres,
            "valkey": self.valkey,
            "durable": self.durable,
            "lock": lock,
            "report": write_end,
        }
        with os.fdopen(read_end) as report, (self.data_dir / "services.log").open("ab") as output:
            try:
                subprocess.run(  # noqa: S603 - the arguments are our own
                    [sys.executable, "-P", "-c", _KEEPER, json.dumps(spec), str(PACKAGE)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(lock, write_end),
                    check=True,
                )
            finally:
                os.close(write_end)
            problem = report.read()  # the keeper closes its end when its servers answer
        if problem:
            raise NoEmbedded(problem)
        if running(self.data_dir) is None:
            raise NoEmbedded(
                f"the embedded servers did not start; see {self.data_dir / 'services.log'}"
            )


def needs(settings: Settings) -> tuple[bool, bool]:
    """Whether PostgreSQL, and whether Valkey, is to be an embedded one."""
    return not settings.database_url, not settings.redis_url


@contextlib.contextmanager
def services(settings: Settings, *, durable: bool = True) -> Iterator[Settings]:
    """`settings` with both addresses, which answer for the duration of the block.

    What `settings` names is used as it is; the rest is served from the data folder, by servers
    that all processes which use that folder share and the last one stops.

    Raises:
        NoEmbedded: none can run here; the message says what to set.
        BadSetting: the data folder cannot be used.
    """
    postgres, valkey = needs(settings)
    if not (postgres or valkey):
        yield resolved(settings, None)
        return
    share = Share(settings.data_dir, postgres=postgres, valkey=valkey, durable=durable)
    addresses = share.enter()
    try:
        yield resolved(settings, addresses)
    finally:
        share.leave()


def connected(settings: Settings) -> Settings:
    """`settings` with both addresses, which must answer already: nothing is started.

    Raises:
        NoEmbedded: an address is not set, and nothing runs on the data folder.
    """
    postgres, valkey = needs(settings)
    found = running(settings.data_dir) if postgres or valkey else None
    complete = resolved(settings, found)
    if not (complete.database_url and complete.redis_url):
        raise NoEmbedded(
            f"nothing runs on {settings.data_dir}: start `massadmin up`, "
            "or set DATABASE_URL and REDIS_URL"
        )
    return complete


def resolved(settings: Settings, addresses: Addresses | None) -> Settings:
    """`settings` with the addresses that it leaves open taken from `addresses`."""
    database_url = settings.database_url or (addresses.database_url if addresses else "")
    redis_url = settings.redis_url or (addresses.redis_url if addresses else "")
    return dataclasses.replace(
        settings, database_url=normalise_database_url(database_url), redis_url=redis_url
    )
