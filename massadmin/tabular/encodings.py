"""Which encoding a text file is in: by its mark, by strict UTF-8, else by what reads like words."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from charset_normalizer import from_bytes

from massadmin.tabular.errors import BadDialect, BadEncoding, NotATable
from massadmin.tabular.letters import strangeness

# The longest mark first: that of UTF-32 (little-endian) begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32 (little-endian)"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32 (big-endian)"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16 (little-endian)"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16 (big-endian)"),
)

# What Excel and older programs save in, the more usual first: an earlier one wins a draw.
_LEGACY = (
    "cp1252",
    "cp1250",
    "cp1251",
    "iso8859-7",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp932",
    "gb18030",
    "cp949",
    "big5",
    "cp874",
    "koi8-r",
    "mac-roman",
    "cp850",
)

# Encodings of names, and of Python's own source, that nobody saves a table in.
_NOT_OF_FILES = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7"))

_BLOCK = 1024 * 1024
_HEAD = 64 * 1024
_SAMPLE = 8 * 1024
_HIGH_BYTES = re.compile(rb"[\x80-\xff]")
_CLEARLY_BETTER = 0.03


def known(encoding: str) -> str:
    """The name under which Python knows a text encoding.

    Raises:
        BadDialect: Python knows no such text encoding.
    """
    try:
        info = codecs.lookup(encoding)
        "a".encode(info.name)
        if info.name in _NOT_OF_FILES:
            raise LookupError(info.name)
    except (LookupError, ValueError, TypeError) as error:
        raise BadDialect(
            f"{encoding!r} is no text encoding; try utf-8, utf-16 or windows-1252."
        ) from error
    return info.name


class Decoder:
    """Decodes a file block by block; `errors` is the name of an error handler."""

    def __init__(self, encoding: str, errors: str) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)

    def decode(self, data: bytes, final: bool = False) -> str:
        """The text of the next block.

        Raises:
            BadEncoding: UTF-16 or UTF-32 was asked for, and no mark says in which order of bytes.
        """
        try:
            return self._decoder.decode(data, final)
        except UnicodeError as error:
            raise BadEncoding(
                f"The file does not begin as {self._encoding.upper()} does, with a mark that says "
                f"in which order its bytes are. Choose {self._encoding}-le or "
                f"{self._encoding}-be, if it is {self._encoding.upper()} at all."
            ) from error


def detect(file: BinaryIO) -> str:
    """Name of the encoding of `file`, which is read through once from its start.

    Raises:
        BadEncoding: its mark and its bytes contradict each other.
        NotATable: it holds binary data.
    """
    file.seek(0)
    head = file.read(_HEAD)
    for mark, name, title in _MARKS:
        if head.startswith(mark):
            if name != "utf-8-sig":
                _check_mark(head[len(mark) :], title)
            return name
    if b"\0" in head:
        without_mark = _by_zero_bytes(head)
        if without_mark:
            return without_mark
        if head.count(0) > len(head) // 20:
            raise NotATable("The file holds binary data, not text. Choose a CSV, TSV or XLSX file.")
    file.seek(0)
    sample = _bytes_that_are_not_utf8(file)
    return _guess(sample) if sample else "utf-8"


def _by_zero_bytes(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: ASCII characters leave zeros at every other byte."""
    whole = head[: len(head) // 4 * 4]
    zeros = [whole[start::4].count(0) / max(len(whole) // 4, 1) for start in range(4)]
    often = "".join("0" if share > 0.4 else "x" for share in zeros)
    return {
        "x000": "utf-32-le",
        "000x": "utf-32-be",
        "x0x0": "utf-16-le",
        "0x0x": "utf-16-be",
    }.get(often)


def _check_mark(body: bytes, title: str) -> None:
    found = _by_zero_bytes(body)
    if found is None and title.startswith("UTF-32"):
        # The zeros that begin big-endian UTF-32 complete the mark of UTF-16 to that of UTF-32.
        found = _by_zero_bytes(b"\0\0" + body)
    if found is None:
        return
    spelled = found[:6].upper() + (" (little-endian)" if found.endswith("le") else " (big-endian)")
    if spelled != title:
        raise BadEncoding(
            f"The first bytes mark the file as {title}, but its content looks like {spelled}. "
            "Open it in a text editor or spreadsheet and save it again as UTF-8."
        )


def _bytes_that_are_not_utf8(file: BinaryIO) -> bytes:
    """Some lines with bytes above 0x7F, or b"" when all of the file is strict UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    strict = True
    early, late = bytearray(), bytearray()
    while block := file.read(_BLOCK):
        if strict:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                strict = False
        wanted = early if strict else late
        if len(wanted) < _SAMPLE and not block.isascii():
            _take_high_lines(block, wanted)
        if not strict and len(late) >= _SAMPLE:
            break
    if strict:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            strict = False
    return b"" if strict else bytes(early + late)


def _take_high_lines(block: bytes, wanted: bytearray) -> None:
    """Add lines of `block` that hold bytes above 0x7F to `wanted`, until it is large enough."""
    end = 0
    while len(wanted) < _SAMPLE and (high := _HIGH_BYTES.search(block, end)):
        start = max(block.rfind(b"\n", 0, high.start()) + 1, end, high.start() - _SAMPLE // 8)
        end = block.find(b"\n", high.start()) + 1 or len(block)
        end = min(end, start + _SAMPLE // 4)
        wanted += block[start:end].rstrip(b"\r\n") + b"\n"


def _guess(sample: bytes) -> str:
    """The encoding in which `sample` reads least strangely."""
    high = len(_HIGH_BYTES.findall(sample))
    costs: dict[str, float] = {"utf-8": strangeness(sample.decode("utf-8", "replace"), high)}
    texts: set[str] = set()
    for name in _LEGACY:
        try:
            text = sample.decode(name)
        except UnicodeDecodeError:
            continue
        if text not in texts:
            texts.add(text)
            costs[name] = strangeness(text, high)
    best = min(costs.values())
    close = [name for name, cost in costs.items() if cost <= best + _CLEARLY_BETTER]
    if len(close) == 1 or close[0] == "utf-8":
        return close[0]
    # They differ in accents that both languages have; ask which language the words look like.
    fluent = {
        codecs.lookup(match.encoding).name: match.coherence
        for match in from_bytes(sample, cp_isolation=close, threshold=1.0)
    }
    ranked = sorted(close, key=lambda name: -fluent.get(codecs.lookup(name).name, 0.0))
    first = codecs.lookup(close[0]).name
    gain = fluent.get(codecs.lookup(ranked[0]).name, 0.0) - fluent.get(first, 0.0)
    return ranked[0] if gain > 0.1 else close[0]
