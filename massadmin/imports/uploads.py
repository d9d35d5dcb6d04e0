"""Uploads: the files themselves, kept while they may have to be read anew in another way."""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path
from typing import IO

from sqlalchemy import select

from massadmin.extensions import db
from massadmin.imports.models import ImportFile
from massadmin.runs import files

_SUFFIX = ".upload"
# Longer than any staging takes, so that a file is never taken from under it.
_FORGOTTEN_SECONDS = 2 * 86_400


def _folder() -> Path:
    return files.root() / "imports"


def keep(stream: IO[bytes]) -> str:
    """Copy an uploaded file into the files folder; the name to find it by."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = secrets.token_hex(16) + _SUFFIX
    try:
        with (folder / name).open("xb") as target:
            shutil.copyfileobj(stream, target, 1024 * 1024)
    except BaseException:
        discard(name)
        raise
    return name


def path_of(name: str | None) -> Path | None:
    """Where the upload is; None when it is not kept, or not on this machine."""
    path = _folder() / name if name else None
    return path if path is not None and path.is_file() else None


def discard(name: str | None) -> None:
    """Remove an upload, if it is still there."""
    if name:
        (_folder() / name).unlink(missing_ok=True)


def discard_forgotten() -> int:
    """Remove old uploads that no staged file names; how many they were."""
    folder = _folder()
    if not folder.is_dir():
        return 0
    named = set(db.session.scalars(select(ImportFile.upload).where(ImportFile.upload.is_not(None))))
    before = time.time() - _FORGOTTEN_SECONDS
    old = [
        path
        for path in folder.glob(f"*{_SUFFIX}")
        if path.name not in named and path.stat().st_mtime < before
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
