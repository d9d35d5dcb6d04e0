"""What a file is, by its content: names and extensions are not trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from massadmin.tabular import archive
from massadmin.tabular.dialect import Limits, Source
from massadmin.tabular.errors import EmptyFile, NotATable, TooManyBytes

_HEAD = 4096
_SAVE_AS = "Save the sheet as .xlsx or CSV, and import that."

# First bytes -> what it is. RTF, PDF and the like are text to the eye of a CSV reader.
_OTHERS = (
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"{\\rtf", "a rich-text document"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"BEGIN:VCARD", "a vCard file"),
    (b"BEGIN:VCALENDAR", "a calendar file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|table|\?xml|script|meta|div)\b", re.I)
_WORKBOOK = re.compile(r"xl/workbook\d*\.xml")
_JSON = re.compile(rb'\s*(\{\s*"[^"\n]*"\s*:|\[\s*\{\s*")')


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The file at its start: a path is opened and closed, a binary file is left open."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
    else:
        source.seek(0)
        yield source


def size_of(file: BinaryIO) -> int:
    """Bytes in `file`; it is left at its start."""
    size = file.seek(0, 2)
    file.seek(0)
    return size


def recognise(file: BinaryIO, limits: Limits) -> Literal["csv", "xlsx"]:
    """Whether `file` is delimited text or an XLSX workbook.

    Raises:
        EmptyFile: it has no bytes.
        TooManyBytes: it has more than `limits.bytes`.
        NotATable: it is something else; the message says what, and what to do.
    """
    size = size_of(file)
    if size == 0:
        raise EmptyFile("The file is empty: it has no bytes. Choose the file that holds the rows.")
    if size > limits.bytes:
        raise TooManyBytes(
            f"The file has {size:,} bytes, more than the {limits.bytes:,} allowed. Split it."
        )
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _check_archive(archive.names(file, limits))
        return "xlsx"
    if head.startswith(_OLE):
        raise NotATable(
            "The file is an old Excel workbook (.xls) or one locked by a password, which cannot "
            f"be read. {_SAVE_AS}"
        )
    for mark, what in _OTHERS:
        if head.startswith(mark):
            raise NotATable(f"The file is {what}, not a CSV, TSV or XLSX file.")
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise NotATable(
            "The file is a web page or XML document, whatever its name says. "
            f"Open it in a spreadsheet. {_SAVE_AS}"
        )
    if _JSON.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise NotATable("The file is JSON, not a CSV, TSV or XLSX file.")
    return "csv"


def _check_archive(names: list[str]) -> None:
    """Raise NotATable with what a ZIP archive of `names` really is, unless a workbook."""
    lower = {name.lower() for name in names}
    if "[content_types].xml" in lower and any(_WORKBOOK.fullmatch(name) for name in lower):
        return
    if "xl/workbook.bin" in lower:
        raise NotATable(f"The file is a binary Excel workbook (.xlsb). {_SAVE_AS}")
    if "content.xml" in lower and "mimetype" in lower:
        raise NotATable(f"The file is an OpenDocument file (.ods or the like). {_SAVE_AS}")
    if "word/document.xml" in lower:
        raise NotATable("The file is a Word document, not a CSV, TSV or XLSX file.")
    if "ppt/presentation.xml" in lower:
        raise NotATable("The file is a presentation, not a CSV, TSV or XLSX file.")
    held = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    raise NotATable(
        f"The file is a ZIP archive that holds {held or 'nothing'}. Unpack it, and import the file."
    )
