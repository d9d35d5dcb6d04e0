"""A short way to a data folder whose path is too long for the address of a unix socket."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

LONGEST = 107 if sys.platform == "linux" else 103  # bytes of sun_path, less the final zero
TAIL = len("/postgres/.s.PGSQL.5432")  # the longer of the two sockets, from the data folder


def short_path(data_dir: Path) -> Path:
    """`data_dir`, or a link to it in a private folder; the same one each time, if it can be."""
    if len(os.fsencode(data_dir)) + TAIL <= LONGEST:
        return data_dir
    note = data_dir / "short_path"
    link = None
    with contextlib.suppress(FileNotFoundError):
        link = Path(note.read_text())
    if link is None or not _ours(link.parent):
        link = Path(tempfile.mkdtemp(prefix="massadmin-", dir=_runtime_dir())) / "data"
        note.write_text(str(link))
    if not link.is_symlink():
        link.symlink_to(data_dir)
    return link


def forget(data_dir: Path) -> None:
    """Remove the link, if there is one; its name stays noted for the next time."""
    with contextlib.suppress(OSError):
        link = Path((data_dir / "short_path").read_text())
        link.unlink()
        link.parent.rmdir()


def _ours(directory: Path) -> bool:
    # The name may be known from the last time: only a folder that nobody else can have made, or
    # can write to, leads to our own servers.
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        found = directory.lstat()
        return (
            stat.S_ISDIR(found.st_mode)
            and found.st_uid == os.geteuid()
            and stat.S_IMODE(found.st_mode) == 0o700
        )
    except OSError:
        return False
    return True


def _runtime_dir() -> str:
    candidates = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108
    for each in candidates:
        room = len(os.fsencode(each)) + len("/massadmin-12345678/data") + TAIL
        if each and room <= LONGEST and os.access(each, os.W_OK | os.X_OK):
            return each
    return tempfile.gettempdir()
