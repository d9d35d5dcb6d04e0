"""XLSX workbooks as rows of text, streamed: memory does not grow with the sheet."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache, partial
from itertools import islice
from typing import BinaryIO

from massadmin.tabular import kinds, layout, sheetxml
from massadmin.tabular.cellformats import DateKind, date_kind, date_text, number_text
from massadmin.tabular.dialect import Dialect, Limits, Problem, Row, Source
from massadmin.tabular.errors import (
    BadWorkbook,
    CellTooLong,
    EmptyFile,
    TooManyColumns,
    TooManyRows,
    TooManyTexts,
)
from massadmin.tabular.package import DAMAGED, Package, trouble_named

_SAMPLE_ROWS = 200
_READ_AHEAD = 10_000
_DAYS_KEPT = 10_000
_KINDS_OF_CELL = 10_000


class _Strings:
    """A workbook's table of strings, read as far as it is asked for.

    Of millions, all but the first lie in a temporary file rather than in memory.
    """

    def __init__(self, texts: Iterator[str], limits: Limits, stack: ExitStack) -> None:
        self._texts = texts
        self._limits = limits
        self._stack = stack
        self._first: list[str] = []
        self._ends = array("Q", [0])
        self._file: BinaryIO | None = None

    def text(self, index: str) -> str:
        """The text to which a cell refers by `index`, a whole number as written."""
        at = int(index) if index.isdecimal() else -1
        return self._first[at] if 0 <= at < len(self._first) else self._later(at)

    def _later(self, index: int) -> str:
        if index < 0:
            raise BadWorkbook(f"A cell refers to a text that is not there. {DAMAGED}")
        while index >= len(self._first) + len(self._ends) - 1:
            self._read_ahead()
        at = index - len(self._first)
        if at < 0 or self._file is None:
            return self._first[index]
        start, end = self._ends[at], self._ends[at + 1]
        return os.pread(self._file.fileno(), end - start, start).decode()

    def _read_ahead(self) -> None:
        batch = list(islice(self._texts, _READ_AHEAD))
        if not batch:
            raise BadWorkbook(f"A cell refers to a text that is not there. {DAMAGED}")
        for text in batch:
            check_length(text, self._limits)
        room = self._limits.strings_in_memory - len(self._first)
        self._first.extend(batch[:room])
        if len(batch) <= room:
            return
        if self._file is None:
            spill = tempfile.TemporaryFile()  # noqa: SIM115  # the stack closes it
            self._file = self._stack.enter_context(spill)
        for text in batch[room:]:
            self._ends.append(self._ends[-1] + self._file.write(text.encode()))
        self._file.flush()
        if len(self._ends) > self._limits.strings:
            raise TooManyTexts(
                f"The workbook has more than {self._limits.strings:,} different texts. "
                "Save the sheet as CSV, and import that."
            )


class _Workbook:
    """The parts of an open workbook that say how its sheets are to be read."""

    def __init__(self, file: BinaryIO, limits: Limits, stack: ExitStack) -> None:
        self._limits = limits
        self._package = Package(file, limits)
        part = self._related("", "officeDocument") or "xl/workbook.xml"
        self.since_1904 = False
        # Name -> part, in the order of the tabs; those that are shown, and all.
        self.shown: dict[str, str] = {}
        self.sheets: dict[str, str] = {}
        relations = self._package.relations(part)
        for parent, name, given in self._package.elements(part):
            if name == "workbookPr":
                self.since_1904 = given.get("date1904", "") in ("1", "true")
            elif name == "sheet" and parent == "sheets":
                kind, target = relations.get(given.get("id", ""), ("", ""))
                if kind != "worksheet":
                    continue
                self.sheets[given.get("name", "")] = target
                if given.get("state", "visible") == "visible":
                    self.shown[given.get("name", "")] = target
        self.dates = self._date_styles(self._related(part, "styles"))
        strings = self._related(part, "sharedStrings")
        texts = self._package.text(strings) if strings else iter(())
        longest = limits.record_chars
        read = sheetxml.shared_strings(texts, longest) if strings else iter(())
        self.strings = _Strings(read, limits, stack)

    def _related(self, part: str, kind: str) -> str:
        """The one part of that kind to which `part` refers, or ""."""
        found = [target for each, target in self._package.relations(part).values() if each == kind]
        return found[0] if found else ""

    def _date_styles(self, part: str) -> dict[str, DateKind]:
        """Index of a cell style, as cells write it -> what dates and times it shows."""
        codes: dict[str, str] = {}
        styles: list[DateKind | None] = []
        for parent, name, given in self._package.elements(part) if part else ():
            if name == "numFmt":
                codes[given.get("numFmtId", "")] = given.get("formatCode", "")
            elif name == "xf" and parent == "cellXfs":
                number = given.get("numFmtId", "0")
                styles.append(
                    date_kind(int(number) if number.isdecimal() else 0, codes.get(number))
                )
        return {str(index): kind for index, kind in enumerate(styles) if kind}

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """(row number, texts from column A to the last that holds something) of each row."""
        reads: dict[str, Callable[[str], str]] = {}
        columns = sheetxml.COLUMNS
        blocks = self._package.text(self.sheets[sheet])
        for number, cells in sheetxml.row_cells(blocks, self._limits.record_chars):
            texts: list[str] = []
            at = -1
            for letters, attributes, value, computed, inline in cells:
                at = columns[letters] if letters else at + 1
                raw = value or computed or inline
                if not raw:
                    continue
                if attributes not in reads:
                    if len(reads) > _KINDS_OF_CELL:
                        reads.clear()
                    reads[attributes] = self._reader(attributes)
                text = reads[attributes](raw)
                if at == len(texts):
                    texts.append(text)
                elif text:
                    if at > len(texts):
                        self._check_column(number, at)
                        texts.extend([""] * (at + 1 - len(texts)))
                    texts[at] = text
            while texts and not texts[-1]:
                texts.pop()
            self._check_column(number, len(texts) - 1)
            yield number, texts

    def _reader(self, attributes: str) -> Callable[[str], str]:
        """What makes text of the raw values of cells with these attributes."""
        style, kind = sheetxml.style_and_type(attributes)
        if kind == "s":
            return self.strings.text
        if kind == "b":
            return _truth
        if kind not in ("", "n"):
            return self._text
        shows = self.dates.get(style)
        if shows is None:
            return number_text
        return lru_cache(_DAYS_KEPT)(partial(date_text, kind=shows, since_1904=self.since_1904))

    def _text(self, raw: str) -> str:
        text = sheetxml.plain(raw)
        check_length(text, self._limits)
        return text

    def _check_column(self, number: int, index: int) -> None:
        if index >= self._limits.columns:
            raise TooManyColumns(
                f"Row {number:,} has something in column {index + 1:,}, beyond the "
                f"{self._limits.columns:,} columns allowed. Delete what is not needed there."
            )


def _truth(raw: str) -> str:
    return "TRUE" if raw in ("1", "true") else "FALSE"


def check_length(text: str, limits: Limits) -> None:
    """Refuse a cell of too many characters."""
    if len(text) > limits.cell_chars:
        raise CellTooLong(
            f"A cell that begins “{text[:40]}” has {len(text):,} characters, more than the "
            f"{limits.cell_chars:,} allowed. Shorten it."
        )


def sniff(
    file: BinaryIO,
    limits: Limits,
    *,
    sheet: str | None,
    has_header: bool | None,
    preamble: int | None,
) -> Dialect:
    """The dialect of a workbook; what is not None was chosen by the caller."""
    with ExitStack() as stack, trouble_named():
        book = _Workbook(file, limits, stack)
        names = tuple(book.shown or book.sheets)
        if sheet is not None and sheet not in book.sheets:
            raise BadWorkbook(f"There is no sheet “{sheet}”. There are: {', '.join(names)}.")
        for name in (sheet,) if sheet is not None else names:
            records = [
                layout.Record(number, texts)
                for number, texts in islice(book.rows(name), _SAMPLE_ROWS)
                if number > (preamble or 0) and any(map(str.strip, texts))
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
    with kinds.opened(source) as file, ExitStack() as stack, trouble_named():
        book = _Workbook(file, limits, stack)
        if dialect.sheet not in book.sheets:
            raise BadWorkbook(f"There is no sheet “{dialect.sheet}”. Choose the file again.")
        for number, texts in book.rows(dialect.sheet):
            if number <= dialect.preamble or not any(map(str.strip, texts)):
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
