"""How processes that use one data folder share its two servers, by locks that die with them.

- `users.lock`: every user holds it shared; the keeper takes it alone, to close when nobody is left.
- `keeper.lock`: held by the one keeper, from before it starts until its servers have stopped.
- `services.json`: the addresses; valid exactly while its file is locked, which only a keeper does
  whose servers answer.

The kernel lets go of a lock when its holder ends, however it ends, so nothing here goes stale.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

USERS = "users.lock"
KEEPER = "keeper.lock"
ADDRESSES = "services.json"


@dataclass(frozen=True)
class Addresses:
    """Where the servers of a data folder answer; an URL is empty where none is kept."""

    database_url: str
    redis_url: str
    keeper: int  # process id


def open_lock(path: Path) -> int:
    """A file to lock, as a descriptor that other programs do not inherit."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock `handle`, or change its lock, without waiting; whether that worked.

    A change that does not work leaves no lock at all.
    """
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def running(data_dir: Path) -> Addresses | None:
    """The addresses of the servers that answer for `data_dir`, None when there are none."""
    try:
        handle = os.open(data_dir / ADDRESSES, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle) as file:
        if try_lock(handle, fcntl.LOCK_SH):
            return None
        return Addresses(**json.load(file))


def publish(data_dir: Path, addresses: Addresses) -> int:
    """Make `running` return `addresses` as long as the returned descriptor is open."""
    draft = data_dir / f"{ADDRESSES}.new"
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.write(handle, json.dumps(asdict(addresses)).encode())
    fcntl.flock(handle, fcntl.LOCK_EX)
    draft.rename(data_dir / ADDRESSES)
    return handle


def withdraw(data_dir: Path) -> None:
    """Take back what was published."""
    with contextlib.suppress(FileNotFoundError):
        (data_dir / ADDRESSES).unlink()
