"""Why a file cannot be read. Every message says what was wrong, with what value, what to do."""

from __future__ import annotations


class BadFile(ValueError):
    """A file that cannot be imported as it is; the message is meant for the person who chose it."""


class EmptyFile(BadFile):
    """No bytes, or nothing but blank rows."""


class NotATable(BadFile):
    """Something other than CSV, TSV or XLSX, whatever its name says."""


class BadEncoding(BadFile):
    """The bytes are not text in the encoding that the file, or the caller, claims."""


class BadDialect(BadFile):
    """A choice of the caller that cannot be followed: unknown encoding, two-letter delimiter."""


class BadWorkbook(BadFile):
    """A workbook that is damaged, locked, or holds no such sheet."""


class OverLimit(BadFile):
    """Readable, but larger than allowed; the message names the limit and the value found."""


class TooManyBytes(OverLimit):
    """The file, or what a workbook unpacks to, is too large."""


class TooManyRows(OverLimit):
    """More rows than allowed."""


class TooManyColumns(OverLimit):
    """More columns than allowed."""


class CellTooLong(OverLimit):
    """One cell, or one record, is too long; often a quotation mark that is never closed."""
