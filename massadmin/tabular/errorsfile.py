"""The rows that were not imported, as a CSV file to correct and import again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from massadmin.tabular.formula import defuse

Failure = tuple[Sequence[str], int, str]

_ROWS_AT_ONCE = 500


def error_lines(
    header: Sequence[str], failures: Iterable[Failure], *, bom: bool = True
) -> Iterator[bytes]:
    """UTF-8 CSV in pieces: the columns of `header`, then `line` and `reason`.

    Every failure is (cells, line, reason). Cells beyond the header follow the reason, so that a
    row with too many of them keeps all of its text and `reason` stays in its column. `bom` marks
    the file as UTF-8, without which Excel garbles accents. Formulas are defused.
    """
    width = len(header)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff" if bom else "")
    writer.writerow([*map(defuse, header), "line", "reason"])
    for count, (cells, line, reason) in enumerate(failures, 1):
        kept = [defuse(cell) for cell in cells]
        kept += [""] * (width - len(kept))
        writer.writerow(chain(kept[:width], (line, defuse(reason)), kept[width:]))
        if count % _ROWS_AT_ONCE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


def errors_file(
    target: BinaryIO, header: Sequence[str], failures: Iterable[Failure], *, bom: bool = True
) -> int:
    """Write `error_lines` to an open binary file; returns the number of failures written."""
    count = 0

    def counted() -> Iterator[Failure]:
        nonlocal count
        for failure in failures:
            count += 1
            yield failure

    for piece in error_lines(header, counted(), bom=bom):
        target.write(piece)
    return count
