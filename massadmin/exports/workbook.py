"""XLSX files, written row by row in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import xlsxwriter

# Limits of the format: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
MAX_ROWS = 1_048_576
# Characters beyond the first 65,536 of Unicode count twice.
MAX_CELL_CHARS = 32_767
# A number of more digits than this would be rounded by a spreadsheet.
EXACT_DIGITS = 15
COLUMN_WIDTH = 18
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def write_workbook(
    file: IO[bytes],
    labels: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[bool],
    scratch: Path,
    *,
    largest_sheet: int = MAX_ROWS,
) -> None:
    """Write a workbook of `rows` beneath a header; a further sheet begins when one is full.

    Every cell is text, which no spreadsheet runs as a formula, but for those of `numeric` columns.

    Args:
        scratch: a folder for temporary files, which need as much space as the sheets unpacked.
    """
    book = xlsxwriter.Workbook(
        file, {"constant_memory": True, "tmpdir": str(scratch), "in_memory": False}
    )
    book.use_zip64()
    bold = book.add_format({"bold": True})
    sheet: Any = None
    at = largest_sheet
    for row in rows:
        if at == largest_sheet:
            sheet, at = _new_sheet(book, labels, bold), 1
        for column, value in enumerate(row):
            if value == "":
                continue
            if numeric[column] and _is_exact(value):
                sheet.write_number(at, column, float(value))
            else:
                sheet.write_string(at, column, fitted(value))
        at += 1
    if sheet is None:
        _new_sheet(book, labels, bold)
    book.close()


def fitted(value: str) -> str:
    """As much of `value` as a cell can hold; the results of the run tell of what was cut."""
    if len(value) <= MAX_CELL_CHARS // 2:
        return value
    units = value.encode("utf-16-le")[: 2 * MAX_CELL_CHARS]
    return units.decode("utf-16-le", "ignore")


def _is_exact(value: str) -> bool:
    digits = sum(map(str.isdigit, value))
    return digits <= EXACT_DIGITS and _NUMBER.fullmatch(value) is not None


def _new_sheet(book: Any, labels: Sequence[str], bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.set_column(0, len(labels) - 1, COLUMN_WIDTH)
    sheet.freeze_panes(1, 0)
    for column, label in enumerate(labels):
        sheet.write_string(0, column, label, bold)
    return sheet
