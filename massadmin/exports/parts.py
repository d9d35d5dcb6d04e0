"""The parts of an exported file, one for each chunk, and putting them together.

A part is written aside, flushed to disk and renamed before its chunk's transaction commits. When
the commit does not follow, the chunk is done again and replaces its part. The name of a part tells
which chunk it is of, its first record and its number of rows: `<seq>-<id>-<rows>.part`.

Every export has a folder of its own, named by its run and a random word, so that what another
database left behind under the same number is never taken for a part.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import Compiled

from massadmin.exports.workbook import write_workbook
from massadmin.extensions import db
from massadmin.runs import files
from massadmin.runs.chunk import TryLater
from massadmin.tabular.formula import defuse

BOM = b"\xef\xbb\xbf"
COPY_BYTES = 1 << 20


class Incomplete(Exception):
    """Parts of a file are missing."""


def folder(run_id: int, params: dict[str, Any]) -> Path:
    """The folder of one export; `params` are those of its run."""
    return files.root() / "exports" / f"{run_id}-{params['word']}"


def finished_file(run_id: int, params: dict[str, Any]) -> Path:
    """Where the file of an export lies once it is put together."""
    return folder(run_id, params) / f"export.{params['format']}"


@dataclass(frozen=True, order=True)
class Part:
    """One part on disk; parts are ordered as their rows are."""

    seq: int
    first: int
    rows: int
    path: Path

    @classmethod
    def of(cls, path: Path) -> Part:
        """Read the name of a part."""
        seq, first, rows = path.stem.split("-")
        return cls(int(seq), int(first), int(rows), path)


def found_parts(place: Path) -> list[Part]:
    """The parts of an export that are there, in order."""
    return sorted(Part.of(path) for path in place.glob("*.part"))


def write(
    place: Path, seq: int, ids: Sequence[int], rows: Compiled, these: Mapping[str, Any], zone: str
) -> None:
    """Write the part of the records `ids` of chunk `seq`: `rows` as CSV, times in `zone`; `these`
    are the values that the statement leaves open.

    Raises:
        TryLater: the folder cannot be written, or the database broke off.
    """
    with _writing(place):
        # What an earlier attempt left, perhaps cut differently.
        for part in found_parts(place):
            if part.seq == seq and ids[0] <= part.first <= ids[-1]:
                part.path.unlink(missing_ok=True)
        aside = place / f"{seq}-{ids[0]}.tmp"
        with _create(aside) as file:
            count = _copy(rows, these, file, zone)
            _flush(file)
        aside.rename(place / f"{seq}-{ids[0]}-{count}.part")
        _flush_folder(place)


def assemble(target: Path, params: dict[str, Any], *, numeric: Sequence[bool], rows: int) -> None:
    """Put the parts together to the finished file and remove them; harmless when done already.

    Args:
        params: of the run: `labels` are the header; `bom` begins a CSV file with the mark by which
            Excel knows UTF-8.
        numeric: which columns hold numbers.
        rows: how many rows there must be.

    Raises:
        Incomplete: the parts do not have as many rows.
        TryLater: the folder cannot be written.
    """
    place = target.parent
    with _writing(place):
        parts = found_parts(place)
        if not target.exists():
            there = sum(part.rows for part in parts)
            if there != rows:
                raise Incomplete(
                    f"{there:,} of {rows:,} rows are in {place}. All machines that run workers "
                    "must share that folder (MASSADMIN_FILES_DIR)."
                )
            aside = target.with_suffix(".tmp")
            with _create(aside) as file:
                if params["format"] == "xlsx":
                    write_workbook(file, params["labels"], _read(parts), numeric, place)
                else:
                    _join(file, params["labels"], parts, params["bom"])
                _flush(file)
            aside.rename(target)
            _flush_folder(place)
        for part in parts:
            part.path.unlink(missing_ok=True)


def _copy(rows: Compiled, these: Mapping[str, Any], file: IO[bytes], zone: str) -> int:
    """Stream the rows into `file`; how many they were."""
    db.session.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": zone})
    connection: Any = db.session.connection().connection.driver_connection
    try:
        with connection.cursor() as cursor:
            copying = f"COPY ({rows}) TO STDOUT (FORMAT csv)"
            with cursor.copy(copying, rows.construct_params(these)) as blocks:
                for block in blocks:
                    file.write(block)
            count = int(cursor.rowcount)
    except psycopg.OperationalError as error:
        raise TryLater(str(error)) from error
    # Results compare times as text, so the rest of the transaction writes them in one zone.
    db.session.execute(text("SELECT set_config('TimeZone', 'UTC', true)"))
    return count


def _join(file: IO[bytes], labels: Sequence[str], parts: Sequence[Part], bom: bool) -> None:
    header = ",".join('"' + defuse(label).replace('"', '""') + '"' for label in labels) + "\n"
    file.write((BOM if bom else b"") + header.encode())
    for part in parts:
        with part.path.open("rb") as source:
            shutil.copyfileobj(source, file, COPY_BYTES)


def _read(parts: Sequence[Part]) -> Iterator[list[str]]:
    for part in parts:
        with part.path.open(encoding="utf-8", newline="") as source:
            yield from csv.reader(source)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise TryLater(f"{place} cannot be written: {error.strerror or error}") from error


def _create(path: Path) -> IO[bytes]:
    """Open a new file that only its owner can read, in place of any other."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(os.open(path, flags, 0o600), "wb", buffering=COPY_BYTES)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(place: Path) -> None:
    """A rename is safe from a power cut once the folder itself is on disk."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
