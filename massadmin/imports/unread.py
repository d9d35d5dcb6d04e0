"""Files that are too large to be read while somebody waits: the clock reads them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from massadmin import tabular
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.leaving import Teller, leave
from massadmin.imports.models import ImportFile
from massadmin.imports.staging import check_may_import, fill, new_file
from massadmin.records.modules import Module, get_module
from massadmin.tabular import BadFile, EmptyFile, Limits

# A second of reading at most: a workbook of 8,000 rows takes as long.
QUICK_BYTES = 4 * 1024 * 1024
NO_ROWS = "The file has a header but no rows below it. Choose the file that holds the rows."


def reads_quickly(path: Path, limits: Limits) -> bool:
    """Whether the file is small enough to be read while its sender waits.

    Raises:
        BadFile: it is no CSV, TSV or XLSX file, or larger than allowed.
    """
    return tabular.bytes_to_read(path, limits) <= QUICK_BYTES


def leave_unread(path: Path, filename: str, module: Module, user: User, upload: str) -> ImportFile:
    """Leave an upload, kept under the name `upload`, for the clock to read. Commits.

    Raises:
        NotAllowed: the user may not import.
    """
    check_may_import(module, user)
    file = new_file(path, filename, module, user, upload)
    file.errand = "read"
    db.session.add(file)
    db.session.commit()
    return file


def leave_to_read_again(file: ImportFile, dialect: dict[str, Any]) -> None:
    """Have the clock read the file anew; what was read before stays until then. Commits.

    Args:
        dialect: what is known better, as for `tabular.sniff`.

    Raises:
        LookupError: it was imported meanwhile, or left to the clock already.
    """
    leave(file.id, "read", dialect)


def read_left(file: ImportFile, limits: Limits) -> None:
    """Read the file as it was asked for, for whoever uploaded it. Commits.

    Raises:
        BadFile: it cannot be read that way.
        NotAllowed: the user may not import any more.
        LookupError: it was discarded meanwhile.
    """
    module, user = get_module(file.module), db.session.get_one(User, file.user_id)
    check_may_import(module, user)
    path = uploads.path_of(file.upload)
    if path is None:
        raise BadFile("The file itself is not here any more. Upload it again.")
    size, tell = max(file.size, 1), Teller(file.id)
    with _Counted(path) as counted, io.BufferedReader(counted) as source:
        found = tabular.sniff(source, limits, **file.choices)
        counted.done = 0

        def watch() -> None:
            tell(counted.done / size)

        rows = fill(file, source, found, limits, module, user, watch=watch)
    if not rows:
        raise EmptyFile(NO_ROWS)
    db.session.commit()


class _Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    done = 0

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer) or 0
        self.done += count
        return count
