"""XLSX workbooks as rows of text, read by openpyxl."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from math import isfinite
from typing import Any, BinaryIO

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from massadmin.tabular import kinds, layout
from massadmin.tabular.archive import DAMAGED, Archive, trouble_named
from massadmin.tabular.dialect import Dialect, Limits, Problem, Row, Source
from massadmin.tabular.errors import (
    BadWorkbook,
    CellTooLong,
    EmptyFile,
    TooManyColumns,
    TooManyRows,
)

_SAMPLE_ROWS = 200
_LAST_ROW = 1_048_576

_SHARED, _PLAIN = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("si", "t"))
# Control characters, and the underscore that begins what only looks like one of them.
_ESCAPED = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff])_")

# openpyxl warns of what it leaves out, such as drawings; rows have none of it.
warnings.filterwarnings("ignore", module="openpyxl")
# Formats without a code of their own that Chinese, Japanese and Korean versions of Excel use,
# from ECMA-376 part 1, 18.8.30 (numFmt). openpyxl knows the others.
for _id in (*range(27, 32), 36, *range(50, 59)):
    BUILTIN_FORMATS.setdefault(_id, "yyyy-mm-dd")
for _id in range(32, 36):
    BUILTIN_FORMATS.setdefault(_id, "h:mm:ss")


class _Workbook(ExcelReader):
    """A workbook opened for streaming, through a guarded archive."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        guarded = Archive(file, limits)
        super().__init__(file, read_only=True, data_only=True, keep_links=False)
        self.archive: Archive = guarded
        self._limits = limits
        self.read()
        # In the order of the tabs: all sheets, and those that are shown.
        self.sheets = {sheet.title: sheet for sheet in self.wb.worksheets}
        self.shown = [
            name for name, sheet in self.sheets.items() if sheet.sheet_state == "visible"
        ] or list(self.sheets)
        if not self.sheets:
            raise BadWorkbook(f"There is no sheet in the workbook that can be read. {DAMAGED}")

    def read_strings(self) -> None:
        """Read the texts that cells share.

        The library makes objects of each text and its formats, which takes as long as a third of
        the cells, and takes "x005F_" out of texts that mean it.
        """
        part = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]  # it has no types
        if part is not None:
            with self.archive.open(part.PartName[1:]) as file:
                self.shared_strings = [
                    _shared_text(item) for _, item in iterparse(file) if item.tag == _SHARED
                ]

    def read_worksheets(self) -> None:
        """Open the sheets; all other parts were read before."""
        self.archive.rows_are_dropped = True
        super().read_worksheets()

    def read_chartsheet(self, *sheet: object) -> None:
        """Leave out what has no rows."""

    def rows(self, name: str) -> Iterator[tuple[int, list[str]]]:
        """(row number, texts from column A to the last that holds something); no blank rows."""
        sheet = self.sheets[name]
        # What the sheet says about its own size is often wrong.
        sheet.reset_dimensions()
        for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
            if number > _LAST_ROW:
                raise TooManyRows(f"The sheet goes on beyond row {_LAST_ROW:,}. {DAMAGED}")
            if not values:
                continue
            texts = ["" if value is None else _text(value) for value in values]
            while texts and not texts[-1]:
                texts.pop()
            if any(map(str.strip, texts)):
                self._check(number, texts)
                yield number, texts

    def _check(self, number: int, texts: list[str]) -> None:
        limits = self._limits
        if len(texts) > limits.columns:
            raise TooManyColumns(
                f"Row {number:,} has something in column {len(texts):,}, beyond the "
                f"{limits.columns:,} columns allowed. Delete what is not needed there."
            )
        longest = max(texts, key=len)
        if len(longest) > limits.cell_chars:
            raise CellTooLong(
                f"A cell that begins “{longest[:40]}” has {len(longest):,} characters, more than "
                f"the {limits.cell_chars:,} allowed. Shorten it."
            )
        if sum(map(len, texts)) > limits.record_chars:
            raise CellTooLong(
                f"Row {number:,} has more than {limits.record_chars:,} characters. Shorten it."
            )


def _shared_text(item: Any) -> str:
    """The text of one shared string, as it is written; its element is emptied."""
    if len(item) == 1 and item[0].tag == _PLAIN:
        text = item[0].text
    else:
        parts = Text.from_tree(item)
        text = parts.content if parts is not None else ""
    item.clear()
    return text or ""


def _text(value: object) -> str:
    """A cell's value as text: ISO dates, whole numbers without ".0", TRUE and FALSE."""
    if isinstance(value, str):
        return _ESCAPED.sub(_unescaped, value) if "_x" in value else value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, datetime):
        if value.time() == time.min:
            return value.date().isoformat()
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, time):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    return str(value)


def _number_text(value: float) -> str:
    """A number with the 15 digits that a spreadsheet shows, never with an exponent or ".0"."""
    text = format(value, ".15g")
    return format(Decimal(text), "f") if "e" in text and isfinite(value) else text


def _unescaped(found: re.Match[str]) -> str:
    # No field can keep a NUL.
    return chr(int(found[1], 16)).replace("\0", "")


def sniff(
    file: BinaryIO,
    limits: Limits,
    *,
    sheet: str | None,
    has_header: bool | None,
    preamble: int | None,
) -> Dialect:
    """The dialect of a workbook; what is not None was chosen by the caller."""
    with trouble_named():
        book = _Workbook(file, limits)
        names = tuple(book.shown)
        if sheet is not None and sheet not in book.sheets:
            raise BadWorkbook(f"There is no sheet “{sheet}”. There are: {', '.join(names)}.")
        for name in (sheet,) if sheet is not None else names:
            records = [
                layout.Record(number, texts)
                for number, texts in islice(book.rows(name), _SAMPLE_ROWS)
                if number > (preamble or 0)
            ]
            if records:
                return _dialect(name, names, records, has_header, preamble)
    raise EmptyFile(
        f"There is nothing in {f'the sheet “{sheet}”' if sheet else 'any sheet of the workbook'}. "
        "Choose the file, or the sheet, that holds the rows."
    )


def _dialect(
    sheet: str,
    sheets: tuple[str, ...],
    records: list[layout.Record],
    has_header: bool | None,
    preamble: int | None,
) -> Dialect:
    width = max(len(record.cells) for record in records)
    for record in records:
        record.cells.extend([""] * (width - len(record.cells)))
    if preamble is None:
        records = records[layout.find_preamble(records) :]
    if has_header is None:
        has_header = layout.looks_like_header(records)
    first = records[0]
    return Dialect(
        kind="xlsx",
        columns=layout.column_names(first.cells if has_header else None, width),
        has_header=has_header,
        preamble=first.line - 1 if preamble is None else preamble,
        sheet=sheet,
        sheets=sheets,
    )


def rows(source: Source, dialect: Dialect, limits: Limits) -> Iterator[Row]:
    """The rows below the header, blank ones left out; `line` is the number of the sheet's row."""
    width = len(dialect.columns)
    header_awaited = dialect.has_header
    count = 0
    with kinds.opened(source) as file, trouble_named():
        book = _Workbook(file, limits)
        if dialect.sheet not in book.sheets:
            raise BadWorkbook(f"There is no sheet “{dialect.sheet}”. Choose the file again.")
        for number, texts in book.rows(dialect.sheet):
            if number <= dialect.preamble:
                continue
            if header_awaited:
                header_awaited = False
                continue
            count += 1
            if count > limits.rows:
                raise TooManyRows(
                    f"The sheet has more than the {limits.rows:,} rows allowed. Split it."
                )
            problems: tuple[Problem, ...] = ()
            if len(texts) < width:
                texts.extend([""] * (width - len(texts)))
            elif len(texts) > width:
                found = f"{len(texts):,} cells where there are {width:,} columns"
                problems = (Problem("too_many", found),)
            yield Row(number, texts, problems)
