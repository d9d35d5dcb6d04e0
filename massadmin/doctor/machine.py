"""The machine: folders, what is kept in them, and room on the disk."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from massadmin.config import Settings
from massadmin.doctor.finding import Finding
from massadmin.embedded.private import has_other_uses

LEAST_FREE = 1024**3  # bytes
SHORTEST_KEY = 16  # characters


def folders(settings: Settings) -> Iterator[Finding]:
    """The data folder, the secret key in it, the folder of files, and the disks of both."""
    folder = settings.data_dir
    if not folder.exists():
        yield Finding("data folder", True, f"{folder}, not made yet")
    elif not folder.is_dir():
        yield Finding(
            "data folder",
            False,
            f"{folder} is no folder",
            "Name a folder of its own in MASSADMIN_DATA_DIR.",
        )
    else:
        mode = stat.S_IMODE(folder.stat().st_mode)
        yield Finding(
            "data folder",
            mode == 0o700,
            f"{folder}, mode {mode:03o}",
            "" if mode == 0o700 else _advice_on(folder),
        )
    yield _secret(settings)
    yield _files(settings.files_dir)
    yield _disk("disk", folder, "PostgreSQL stops on a full disk.")
    yield _disk("disk for files", settings.files_dir, "Exports wait on a full disk.")


def _advice_on(folder: Path) -> str:
    try:
        taken = has_other_uses(folder)
    except OSError as error:
        return f"{error.strerror}: name a folder of your own in MASSADMIN_DATA_DIR."
    if taken:
        return f"{folder} has other uses; name a folder of its own in MASSADMIN_DATA_DIR."
    return f"Others can read secrets there: chmod 700 {folder}"


def _secret(settings: Settings) -> Finding:
    if settings.secret_key:
        if len(settings.secret_key) >= SHORTEST_KEY:
            return Finding("secret key", True, "set by SECRET_KEY")
        return Finding(
            "secret key",
            False,
            f"set by SECRET_KEY, of less than {SHORTEST_KEY} characters",
            "Who guesses it can sign in as anybody: set what `openssl rand -hex 32` prints.",
        )
    path = settings.data_dir / "secret_key"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return Finding("secret key", True, "made at the first start")
    except OSError as error:
        return Finding("secret key", False, f"{path}: {error.strerror}", "Set SECRET_KEY.")
    return Finding(
        "secret key",
        not mode & 0o077,
        f"kept in {path}, mode {mode:03o}",
        f"Others can read it: chmod 600 {path}" if mode & 0o077 else "",
    )


def _files(path: Path) -> Finding:
    there = _nearest(path)
    wrong = ""
    if not there.is_dir():
        wrong = f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        wrong = f"{there} cannot be written to"
    if wrong:
        advice = "Name a folder in MASSADMIN_FILES_DIR that Massadmin may write to."
        return Finding("files folder", False, wrong, advice)
    return Finding("files folder", True, str(path) if there == path else f"{path}, not made yet")


def _nearest(path: Path) -> Path:
    """The path itself, or the innermost folder around it, that exists."""
    return next(each for each in (path, *path.parents) if each.exists())


def _disk(name: str, path: Path, otherwise: str) -> Finding:
    usage = shutil.disk_usage(_nearest(path))
    return Finding(
        name,
        usage.free >= LEAST_FREE,
        f"{_size(usage.free)} free of {_size(usage.total)} at {path}",
        "" if usage.free >= LEAST_FREE else f"Free some space. {otherwise}",
    )


def _size(count: int) -> str:
    return f"{count / 1024**3:,.1f} GB" if count >= 1024**3 else f"{count / 1024**2:,.0f} MB"
