"""The ZIP package that an XLSX workbook is: opened with care, its XML parts read as text.

Nothing of a package is trusted: the directory is measured before it is read, the sizes that it
declares are added up before anything is unpacked (and `zipfile` never unpacks more than declared),
and parts are streamed. An XML document type, with which entities could multiply, is refused.
"""

from __future__ import annotations

import codecs
import errno
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO
from xml.parsers import expat

from massadmin.tabular.dialect import Limits
from massadmin.tabular.errors import BadFile, BadWorkbook, TooManyBytes

_BLOCK = 256 * 1024
# Parts that are parsed in one go: names of sheets, relations, styles.
_SMALL_PART = 32 * 1024 * 1024
_SMALL_MEMBER = 16 * 1024 * 1024
_DIRECTORY_ENTRY = 200
_END_RECORD = struct.Struct("<4s4H2LH")

_DECLARED = re.compile(rb"<\?xml[^>]*\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCRYPTED = 0x1

DAMAGED = "The workbook is damaged or cut short. Open it in a spreadsheet and save it again."


@contextmanager
def trouble_named() -> Iterator[None]:
    """Turn what the standard library raises over a damaged package into BadWorkbook."""
    try:
        yield
    except BadFile:
        raise
    except OSError as error:
        # Offsets that lie make `zipfile` seek to before the beginning; other faults are the disk's.
        if error.errno != errno.EINVAL:
            raise
        raise BadWorkbook(DAMAGED) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        expat.ExpatError,
        struct.error,
        EOFError,
        RuntimeError,
        ValueError,
    ) as error:
        raise BadWorkbook(DAMAGED) from error


def names(file: BinaryIO, limits: Limits) -> list[str]:
    """Names of the members of a ZIP archive; `file` is left at its start.

    Raises:
        BadWorkbook: damaged.
        TooManyBytes: it unpacks to more than the limits allow.
    """
    with trouble_named():
        held = [info.filename for info in _checked(file, limits).infolist()]
    file.seek(0)
    return held


def _checked(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    """The archive, after its directory was compared with the limits."""
    size = file.seek(0, 2)
    file.seek(max(size - 0x10000 - _END_RECORD.size, 0))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise BadWorkbook(DAMAGED)
    *_, directory_bytes, _offset, _comment = _END_RECORD.unpack_from(tail, at)
    if directory_bytes > limits.members * _DIRECTORY_ENTRY:
        raise _bomb(f"a directory of {directory_bytes:,} bytes")
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    if len(members) > limits.members:
        raise _bomb(f"{len(members):,} members, more than the {limits.members:,} allowed")
    total = sum(member.file_size for member in members)
    if total > limits.unpacked_bytes:
        raise _bomb(f"{total:,} bytes, more than the {limits.unpacked_bytes:,} allowed")
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise BadWorkbook("The workbook is locked by a password. Save it without one.")
        packed = max(member.compress_size, 1)
        if member.file_size > _SMALL_MEMBER and member.file_size > packed * limits.packing_ratio:
            raise _bomb(
                f"{member.file_size:,} bytes from {packed:,}, "
                f"more than {limits.packing_ratio:,} to 1"
            )
    return archive


def _bomb(what: str) -> TooManyBytes:
    return TooManyBytes(
        f"The archive unpacks to {what}, as an archive made to do harm would. "
        "Save the sheet as CSV, and import that."
    )


class Package:
    """An open workbook's parts by their names, `xl/worksheets/sheet1.xml` and the like."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._archive = _checked(file, limits)
        # Some writers use backslashes, or other capitals than the relations that name the part.
        self._members = {
            info.filename.replace("\\", "/").lower(): info for info in self._archive.infolist()
        }

    def text(self, part: str) -> Iterator[str]:
        """The text of one part, in blocks.

        Raises:
            BadWorkbook: there is no such part, it is no XML, or it declares a document type.
        """
        info = self._members.get(part.lower())
        if info is None:
            raise BadWorkbook(f"The workbook lacks its part {part}. {DAMAGED}")
        with self._archive.open(info) as raw:
            block = raw.read(_BLOCK)
            declared = _DECLARED.match(block.removeprefix(codecs.BOM_UTF8))
            encoding = declared[1].decode("ascii") if declared else "utf-8"
            if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                encoding = "utf-16"
            try:
                decoder = codecs.getincrementaldecoder(encoding)()
            except LookupError as error:
                raise BadWorkbook(f"Its part {part} is in {encoding!r}. {DAMAGED}") from error
            head = decoder.decode(block)
            if "<!DOCTYPE" in head:
                raise BadWorkbook(f"Its part {part} declares a document type. {DAMAGED}")
            yield head.removeprefix("\ufeff")
            while block := raw.read(_BLOCK):
                yield decoder.decode(block)
            yield decoder.decode(b"", final=True)

    def elements(self, part: str) -> Iterator[tuple[str, str, dict[str, str]]]:
        """(parent, name, attributes) of each element of a small part, without namespaces.

        Attributes named in another namespace than their element keep only their local name.
        """
        text = "".join(self._small(part))
        found: list[tuple[str, str, dict[str, str]]] = []
        path = [""]

        def start(name: str, attributes: dict[str, str]) -> None:
            name = local(name)
            found.append((path[-1], name, {local(key): value for key, value in attributes.items()}))
            path.append(name)

        parse(text, start, lambda name: path.pop(), None)
        return iter(found)

    def _small(self, part: str) -> Iterator[str]:
        size = 0
        for block in self.text(part):
            size += len(block)
            if size > _SMALL_PART:
                raise BadWorkbook(f"Its part {part} is too large. {DAMAGED}")
            yield block

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """id -> (kind, part) of what `part` refers to; "" is the package itself."""
        folder, name = posixpath.split(part)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        if listed.lower() not in self._members:
            return {}
        return {
            each.get("Id", ""): (
                each.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, each.get("Target", ""))).strip("/"),
            )
            for _, name, each in self.elements(listed)
            if name == "Relationship" and each.get("TargetMode") != "External"
        }


def local(name: str) -> str:
    """The name without its prefix."""
    return name.rpartition(":")[2]


def parse(
    text: str,
    start: Callable[[str, dict[str, str]], object],
    end: Callable[[str], object],
    data: Callable[[str], object] | None,
) -> None:
    """Run expat over a whole document, prefixes of names included.

    Raises:
        expat.ExpatError: not well formed.
    """
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.Parse(text.encode(), True)


def _refuse_document_type(*declared: object) -> None:
    raise BadWorkbook(f"A part of the workbook declares a document type. {DAMAGED}")
