"""The ZIP archive that an XLSX workbook is, guarded while a library reads it.

Nothing of it is trusted. The directory is measured before it is read, and the sizes that it
declares are added up before anything is unpacked; `zipfile` never unpacks more than declared.
While a part is read, what the library's XML parser has to keep of it in memory is counted, and a
document type, with which entities could multiply, is refused.
"""

from __future__ import annotations

import errno
import io
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Literal, cast
from xml.parsers import expat

from massadmin.tabular.dialect import Limits
from massadmin.tabular.errors import BadFile, BadWorkbook, CellTooLong, TooManyBytes

DAMAGED = "The workbook is damaged or cut short. Open it in a spreadsheet and save it again."

# Parts that are read in one go: names of sheets, relations, styles.
_SMALL_PART = 32 * 1024 * 1024
# Smaller members may be packed as tightly as they like.
_SMALL_MEMBER = 16 * 1024 * 1024
_DIRECTORY_ENTRY = 200
# Of one tag or comment: expat reads it anew from its beginning for each block that it spans.
_LONGEST_TAG = 512 * 1024
_END_RECORD = struct.Struct("<4s4H2LH")
_ENCRYPTED = 0x1
_ROW = "http://schemas.openxmlformats.org/spreadsheetml/2006/main}row"
_ROW_ENDS = re.compile(b"[/:]row")


@contextmanager
def trouble_named() -> Iterator[None]:
    """Turn whatever the libraries raise over a damaged workbook into BadWorkbook."""
    try:
        yield
    except BadFile:
        raise
    except Exception as error:
        if isinstance(error.__cause__, BadFile):
            raise error.__cause__ from None
        # Offsets that lie make `zipfile` seek to before the beginning; other faults are the disk's.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise BadWorkbook(DAMAGED) from error


def names(file: BinaryIO, limits: Limits) -> list[str]:
    """Names of the members of a ZIP archive; `file` is left at its start.

    Raises:
        BadWorkbook: damaged, or locked.
        TooManyBytes: it unpacks to more than the limits allow.
    """
    with trouble_named():
        held = Archive(file, limits).namelist()
    file.seek(0)
    return held


def unpacked_bytes(file: BinaryIO, limits: Limits) -> int:
    """Bytes of all parts that rows could be in, pictures left out.

    Raises:
        BadWorkbook, TooManyBytes: as `names`.
    """
    with trouble_named():
        members = Archive(file, limits).infolist()
    return sum(member.file_size for member in members if member.filename.endswith(".xml"))


class Archive(zipfile.ZipFile):
    """An archive that was compared with the limits, and whose parts are watched as they are read.

    Set `rows_are_dropped` when parts are read by something that forgets each row once it is read;
    then only what stands outside of rows counts.
    """

    rows_are_dropped = False

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._limits = limits
        self._check_directory(file)
        super().__init__(file)
        self._check_members()

    def open(
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> IO[bytes]:
        """The part's bytes, watched."""
        raw = super().open(name, mode, pwd, force_zip64=force_zip64)
        return cast(IO[bytes], _Watched(raw, self._limits, self.rows_are_dropped))

    def _check_directory(self, file: BinaryIO) -> None:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - 0x10000 - _END_RECORD.size, 0))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            raise BadWorkbook(DAMAGED)
        *_, directory_bytes, _offset, _comment = _END_RECORD.unpack_from(tail, at)
        if directory_bytes > self._limits.members * _DIRECTORY_ENTRY:
            raise _bomb(f"a directory of {directory_bytes:,} bytes")

    def _check_members(self) -> None:
        limits, members = self._limits, self.infolist()
        if len(members) > limits.members:
            raise _bomb(f"{len(members):,} members, more than the {limits.members:,} allowed")
        total = sum(member.file_size for member in members)
        if total > limits.unpacked_bytes:
            raise _bomb(f"{total:,} bytes, more than the {limits.unpacked_bytes:,} allowed")
        for member in members:
            if member.flag_bits & _ENCRYPTED:
                raise BadWorkbook("The workbook is locked by a password. Save it without one.")
            size, packed = member.file_size, max(member.compress_size, 1)
            if size > _SMALL_MEMBER and size > packed * limits.packing_ratio:
                raise _bomb(
                    f"{size:,} bytes from {packed:,}, more than {limits.packing_ratio:,} to 1"
                )


def _bomb(what: str) -> TooManyBytes:
    return TooManyBytes(
        f"The archive unpacks to {what}, as an archive made to do harm would. "
        "Save the sheet as CSV, and import that."
    )


class _Watched(io.BufferedIOBase):
    """A part whose elements are counted before whoever reads it can gather them up.

    ElementTree keeps some 90 bytes of every element, even of those that were cleared, until it is
    done with the part; only what stood inside of a row is forgotten with the row. Cells are by far
    the most of a sheet, so counting stops at the beginning of a row and goes on at its end.
    """

    def __init__(self, raw: IO[bytes], limits: Limits, rows_are_dropped: bool) -> None:
        self._raw = raw
        self._limits = limits
        self._skips_rows = rows_are_dropped
        self._tail = b""
        self._elements = 0
        # Bytes in all, and since the last element counted: of one row, or of one text.
        self._seen = self._since = 0
        self._watching = True
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.StartElementHandler = self._begun
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = _refuse_document_type

    def read(self, size: int | None = -1) -> bytes:
        """As of any binary file; a part that is read in one go has to be a small one."""
        if size is None or size < 0:
            size = _SMALL_PART + 1
        block = self._raw.read(size)
        if len(block) > _SMALL_PART:
            raise TooManyBytes(f"A part of the workbook has over {_SMALL_PART:,} bytes. {DAMAGED}")
        if self._watching:
            try:
                self._watch(block)
            except expat.ExpatError:
                # Whoever parses the part stumbles at the same place, and says so.
                self._watching = False
        return block

    def close(self) -> None:
        """Close the part; the archive stays open."""
        self._raw.close()
        super().close()

    def _watch(self, block: bytes) -> None:
        if b"\0" in block[:4]:
            self._skips_rows = False  # UTF-16, in which the ends of rows are not seen
        start = 0
        for found in _ROW_ENDS.finditer(self._tail + block):
            end = found.end() - len(self._tail)
            self._parse(block[start:end])
            self._row_is_over()
            start = end
        self._parse(block[start:])
        self._tail = (self._tail + block)[-3:]

    def _parse(self, data: bytes) -> None:
        self._seen += len(data)
        self._since += len(data)
        self._parser.Parse(data)
        if self._seen - self._parser.CurrentByteIndex > _LONGEST_TAG:
            raise BadWorkbook(f"A part of the workbook has an endless tag. {DAMAGED}")
        if self._since > self._limits.record_chars:
            raise CellTooLong(
                f"A row or cell of the workbook takes more than {self._limits.record_chars:,} "
                "bytes. Save the sheet as CSV, and import that."
            )

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        self._since = 0
        if name == _ROW and self._skips_rows:
            self._elements += 1
            self._parser.StartElementHandler = None
            self._parser.EndElementHandler = self._first_ended
        else:
            self._elements += 1 + len(attributes)
        if self._elements > self._limits.elements:
            raise TooManyBytes(
                f"The workbook has more than {self._limits.elements:,} texts, rows and formats. "
                "Save the sheet as CSV, and import that."
            )

    def _first_ended(self, name: str) -> None:
        """What ends first after a row began: the row, when there is nothing in it."""
        self._parser.EndElementHandler = None
        if name == _ROW:
            self._row_is_over()

    def _row_is_over(self) -> None:
        self._parser.StartElementHandler = self._begun
        self._since = 0

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            self._skips_rows = False


def _refuse_document_type(*declared: object) -> None:
    raise BadWorkbook(f"A part of the workbook declares a document type. {DAMAGED}")
