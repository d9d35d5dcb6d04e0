"""Delimited text as rows, streamed: memory does not grow with the file."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO

from massadmin.tabular import encodings, kinds, layout
from massadmin.tabular.dialect import Dialect, Limits, Problem, Row, Source
from massadmin.tabular.errors import (
    BadFile,
    CellTooLong,
    EmptyFile,
    TooManyColumns,
    TooManyRows,
)

# Below the longest cell allowed, so that a record that lies in one block needs no look at its
# cells; larger blocks are not faster.
_BLOCK = 64 * 1024
_SAMPLE = 1024 * 1024

# Lone surrogates: no decoder makes them, so that they cannot be mistaken for content.
_BAD_BYTES = "\udcff"
_END = "\udcfe"
_REPLACEMENT = "\ufffd"


def _mark_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return _BAD_BYTES, error.end
    raise error


codecs.register_error("massadmin.mark", _mark_bad_bytes)


class _Feed:
    """The decoded lines of a file for `csv.reader`, and when its rows need a closer look."""

    def __init__(self, file: BinaryIO, dialect: Dialect, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._decoder = encodings.Decoder(dialect.encoding, "massadmin.mark")
        # Characters handed out since a row was last finished: bounds what one record can take.
        self._pending = 0
        self._all_of_block = False
        # True for the first row finished in a block, which may have begun in one before it, and
        # for every row of a block with bad bytes, NULs or a long line.
        self.watch = True

    def lines(self) -> Iterator[str]:
        """Every line with its own line end; then the sign of the end."""
        blocks = (io.StringIO(block, newline="") for block in self._blocks())
        return chain(chain.from_iterable(blocks), [_END])

    def row_done(self) -> None:
        """A row was finished and looked at."""
        self._pending = 0
        self.watch = self._all_of_block

    def _blocks(self) -> Iterator[str]:
        first, carry = True, ""
        while data := self._file.read(_BLOCK):
            text = carry + self._decoder.decode(data)
            if first and text:
                text = text.removeprefix("\ufeff")
                first = False
            # A carriage return at the very end may be half of a line end.
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
            carry = text[cut:]
            self._check(len(carry))
            if cut:
                yield self._handed_out(text[:cut])
        carry += self._decoder.decode(b"", final=True)
        if carry:
            yield self._handed_out(carry)
        self.watch = self._all_of_block = True

    def _handed_out(self, text: str) -> str:
        self.watch = True
        self._all_of_block = (
            len(text) > self._limits.cell_chars or _BAD_BYTES in text or "\0" in text
        )
        self._check(len(text))
        self._pending += len(text)
        return text

    def _check(self, more: int) -> None:
        if self._pending + more > max(self._limits.record_chars, 2 * _BLOCK):
            raise _Overlong


class _Overlong(Exception):
    """One record is longer than allowed; the caller knows its line."""


def sample(file: BinaryIO, encoding: str) -> tuple[str, bool]:
    """The first megabyte of text, cut at a line's end, and whether that is all of the file."""
    file.seek(0)
    data = file.read(_SAMPLE)
    complete = len(data) < _SAMPLE
    decoder = encodings.Decoder(encoding, "replace")
    text = decoder.decode(data, final=complete).removeprefix("\ufeff")
    if not complete:
        text = text[: text.rfind("\n") + 1] or text[: text.rfind("\r") + 1] or text
    return text, complete


def sniff(
    file: BinaryIO,
    limits: Limits,
    *,
    encoding: str | None,
    delimiter: str | None,
    quotechar: str | None,
    choose_quoting: bool,
    has_header: bool | None,
    preamble: int | None,
) -> Dialect:
    """The dialect of delimited text; what is not None was chosen by the caller."""
    chosen = encodings.known(encoding) if encoding else encodings.detect(file)
    text, complete = sample(file, chosen)
    told = preamble or 0
    lines = io.StringIO(text, newline="")
    text = "".join(islice(lines, told, None))
    form, records = layout.find_form(text, complete, delimiter, quotechar, choose_quoting)
    if preamble is None:
        records = records[layout.find_preamble(records) :]
    if not records and told:
        raise EmptyFile(f"There are no rows below the first {told:,} lines, which are left out.")
    if not records:
        raise EmptyFile("The file holds only blank rows. Choose the file that holds the rows.")
    if has_header is None:
        has_header = layout.looks_like_header(records)
    width = len(records[0].cells) if has_header else layout.usual_width(records)[0]
    check_width(width, told + records[0].line, limits)
    return Dialect(
        kind="csv",
        columns=layout.column_names(records[0].cells if has_header else None, width),
        has_header=has_header,
        preamble=records[0].line - 1 if preamble is None else preamble,
        encoding=chosen,
        delimiter=form.delimiter,
        quotechar=form.quotechar,
        escapechar=form.escapechar,
        skip_space=form.skip_space,
    )


def check_width(width: int, line: int, limits: Limits) -> None:
    """Refuse a record of too many cells."""
    if width > limits.columns:
        raise TooManyColumns(
            f"Line {line:,} has {width:,} columns, more than the {limits.columns:,} allowed. "
            "Is the delimiter right?"
        )


def rows(source: Source, dialect: Dialect, limits: Limits) -> Iterator[Row]:
    """The records below the header, blank ones left out."""
    with kinds.opened(source) as file:
        yield from _read(file, dialect, limits)


def _read(file: BinaryIO, dialect: Dialect, limits: Limits) -> Iterator[Row]:
    # The csv module has one limit for the whole process: it is raised, and never lowered.
    if csv.field_size_limit() < limits.cell_chars:
        csv.field_size_limit(limits.cell_chars)
    feed = _Feed(file, dialect, limits)
    form = layout.Form(dialect.delimiter, dialect.quotechar, dialect.escapechar, dialect.skip_space)
    lines = feed.lines()
    reader = form.reader(lines)
    width = len(dialect.columns)
    header_awaited = dialect.has_header
    count = offset = 0
    # Blank rows since the last other one, and which one that was.
    blank = blank_since = 0
    line = next_line = 1
    try:
        for _ in islice(lines, dialect.preamble):
            feed.row_done()
            offset += 1
        next_line += offset
        for cells in reader:
            line, next_line = next_line, offset + reader.line_num + 1
            problems: tuple[Problem, ...] = ()
            if feed.watch or len(cells) != width or not cells[0].strip():
                if cells == [_END]:
                    return
                if not any(map(str.strip, cells)):
                    feed.row_done()
                    blank, blank_since = (blank + 1 if blank_since == count else 1), count
                    if blank > limits.blank_rows:
                        raise TooManyRows(
                            f"There are more than {limits.blank_rows:,} blank rows before line "
                            f"{next_line:,}. Delete them."
                        )
                    continue
                if feed.watch:
                    problems = _look_closer(cells, line, dialect, limits)
                    feed.row_done()
                if len(cells) != width:
                    check_width(len(cells), line, limits)
                    problems += _fit(cells, width)
            if header_awaited:
                header_awaited = False
                continue
            count += 1
            if count > limits.rows:
                raise TooManyRows(
                    f"The file has more than the {limits.rows:,} rows allowed. Split it."
                )
            yield Row(line, cells, problems)
    except _Overlong:
        raise CellTooLong(
            f"The record that begins in line {next_line:,} has more than "
            f"{limits.record_chars:,} characters. Is a quotation mark there never closed?"
        ) from None
    except csv.Error as error:
        if "field larger" in str(error):
            raise _cell_too_long(next_line, limits) from error
        raise BadFile(f"Line {next_line:,} cannot be read as CSV: {error}.") from error


def _cell_too_long(line: int, limits: Limits) -> CellTooLong:
    return CellTooLong(
        f"The record that begins in line {line:,} has a cell of more than "
        f"{limits.cell_chars:,} characters. Is a quotation mark there never closed?"
    )


def _look_closer(
    cells: list[str], line: int, dialect: Dialect, limits: Limits
) -> tuple[Problem, ...]:
    """Check and repair, in place, what can be wrong inside of cells."""
    problems = []
    if cells[-1].endswith(_END):
        cells[-1] = cells[-1].removesuffix(_END)
        problems.append(
            Problem(
                "unclosed",
                "a quotation mark is never closed: the rest of the file was read as one cell",
            )
        )
    bad, nul = [], []
    for column, cell in enumerate(cells):
        if len(cell) > limits.cell_chars:
            raise _cell_too_long(line, limits)
        if _BAD_BYTES in cell:
            bad.append(_name(dialect, column))
            cells[column] = cell = cell.replace(_BAD_BYTES, _REPLACEMENT)
        if "\0" in cell:
            nul.append(_name(dialect, column))
            cells[column] = cell.replace("\0", "")
    if bad:
        where = ", ".join(bad[:3])
        problems.append(
            Problem("undecodable", f"{where}: holds bytes that are not {dialect.encoding} text")
        )
    if nul:
        where = ", ".join(nul[:3])
        problems.append(Problem("nul", f"{where}: holds NUL characters, which no field can keep"))
    return tuple(problems)


def _name(dialect: Dialect, column: int) -> str:
    return dialect.columns[column] if column < len(dialect.columns) else f"Column {column + 1}"


def _fit(cells: list[str], width: int) -> tuple[Problem, ...]:
    """Fill up a short row in place; say what is wrong with the width of any."""
    found = len(cells)
    if found < width:
        cells.extend([""] * (width - found))
        return (Problem("too_few", f"{found:,} cells where there are {width:,} columns"),)
    if any(map(str.strip, cells[width:])):
        return (Problem("too_many", f"{found:,} cells where there are {width:,} columns"),)
    return (Problem("blank_extra", f"{found - width:,} blank cells beyond the last column"),)
