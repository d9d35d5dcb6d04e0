"""Reads CSV, TSV and XLSX files into rows of text cells; knows nothing of what they mean.

    dialect = sniff(path)                 # guessed; every choice can be overridden
    for row in rows(path, dialect):       # streamed
        row.line, row.cells, row.reason

Whatever is wrong with a file raises a `BadFile` whose message can be shown as it is; whatever is
wrong with one row is in `row.problems`, and the rows after it are read on.
"""

from __future__ import annotations

from collections.abc import Iterator

from massadmin.tabular import archive, csvfile, kinds, workbook
from massadmin.tabular.dialect import Dialect, Limits, Problem, Row, Source
from massadmin.tabular.errors import (
    BadDialect,
    BadEncoding,
    BadFile,
    BadWorkbook,
    CellTooLong,
    EmptyFile,
    NotATable,
    OverLimit,
    TooManyBytes,
    TooManyColumns,
    TooManyRows,
)
from massadmin.tabular.errorsfile import error_lines, errors_file
from massadmin.tabular.formula import defuse, restore

DEFAULT_LIMITS = Limits()
_AUTO = "auto"


def sniff(
    source: Source,
    limits: Limits = DEFAULT_LIMITS,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    quotechar: str | None = _AUTO,
    has_header: bool | None = None,
    preamble: int | None = None,
    sheet: str | None = None,
) -> Dialect:
    """Find out how to read `source`, a path or a seekable binary file; what is given is kept.

    Args:
        quotechar: one character; None when quotation marks mean nothing in this file.
        preamble: lines (rows of a sheet) above the header, or above the first record.
        sheet: name of a worksheet; the first visible one that holds something otherwise.

    Raises:
        BadFile: it cannot be read; the message is for the person who chose the file.
    """
    for name, char in (("delimiter", delimiter), ("quotechar", quotechar)):
        if char not in (None, _AUTO) and (len(str(char)) != 1 or str(char) in "\r\n\0"):
            raise BadDialect(f"The {name} is {char!r}; it must be one character, such as , or ;")
    if delimiter is not None and delimiter == ('"' if quotechar == _AUTO else quotechar):
        raise BadDialect(f"{delimiter} cannot be the delimiter and the quotation mark at once.")
    with kinds.opened(source) as file:
        if kinds.recognise(file, limits) == "xlsx":
            return workbook.sniff(
                file, limits, sheet=sheet, has_header=has_header, preamble=preamble
            )
        if sheet:
            raise BadDialect(f"The file is no workbook, so it has no sheet {sheet[:60]!r}.")
        return csvfile.sniff(
            file,
            limits,
            encoding=encoding,
            delimiter=delimiter,
            quotechar='"' if quotechar == _AUTO else quotechar,
            choose_quoting=quotechar == _AUTO,
            has_header=has_header,
            preamble=preamble,
        )


def bytes_to_read(source: Source, limits: Limits = DEFAULT_LIMITS) -> int:
    """How many bytes reading `source` goes through; of a workbook, those that it unpacks to.

    Raises:
        BadFile: it is no table, or too large.
    """
    with kinds.opened(source) as file:
        if kinds.recognise(file, limits) == "xlsx":
            return archive.unpacked_bytes(file, limits)
        return kinds.size_of(file)


def rows(source: Source, dialect: Dialect, limits: Limits = DEFAULT_LIMITS) -> Iterator[Row]:
    """The rows of `source` below its header, blank ones left out, streamed.

    A row with something wrong comes with its problems, and the rows after it follow.

    Raises:
        BadFile: while iterating, when a limit is passed or the file turns out to be damaged.
    """
    read = workbook.rows if dialect.kind == "xlsx" else csvfile.rows
    return read(source, dialect, limits)


__all__ = [
    "DEFAULT_LIMITS",
    "BadDialect",
    "BadEncoding",
    "BadFile",
    "BadWorkbook",
    "CellTooLong",
    "Dialect",
    "EmptyFile",
    "Limits",
    "NotATable",
    "OverLimit",
    "Problem",
    "Row",
    "Source",
    "TooManyBytes",
    "TooManyColumns",
    "TooManyRows",
    "bytes_to_read",
    "defuse",
    "error_lines",
    "errors_file",
    "restore",
    "rows",
    "sniff",
]
