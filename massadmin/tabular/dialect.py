"""What was found out about a file, what limits hold for it, and what a row of it looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

Source = str | Path | BinaryIO

ProblemKind = Literal["too_few", "too_many", "blank_extra", "undecodable", "nul", "unclosed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Most that is read of one file; whatever is beyond is refused, never cut off silently."""

    bytes: int = 1024 * 1024 * 1024
    rows: int = 50_000_000
    # One after another; a sheet has a million rows at most, all of which may have been saved.
    blank_rows: int = 2_000_000
    columns: int = 10_000
    cell_chars: int = 100_000
    # Bounds the memory that one row can take, as columns times cell_chars would be 1 GB.
    record_chars: int = 10_000_000
    # Of a part of a workbook, cells left out: different texts take two or three each, rows one.
    # All are in memory while the part is read, at 100 to 250 bytes each beside their text.
    elements: int = 6_000_000
    unpacked_bytes: int = 1024 * 1024 * 1024
    # Deflate reaches 1,032 to 1; worksheets of people's data stay below about 50 to 1.
    packing_ratio: int = 200
    members: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to read one file. Made by `sniff`; kept as JSON between two requests.

    `columns` are the names in the header, with "Column 3" where the third is blank or where
    there is no header. `preamble` counts the lines (of a sheet: rows) above the header, or above
    the first record where there is none; they are skipped.
    """

    kind: Literal["csv", "xlsx"]
    columns: tuple[str, ...]
    has_header: bool = True
    preamble: int = 0
    encoding: str = "utf-8"
    delimiter: str = ","
    quotechar: str | None = '"'
    escapechar: str | None = None
    skip_space: bool = False
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` takes back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Dialect:
        """The dialect that `to_json` wrote; unknown keys are left out."""
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        for name in ("columns", "sheets"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


class Problem(NamedTuple):
    """Something about one row that a person should know, in words, and its kind for code.

    - too_few: fewer cells than columns. Excel leaves out blank cells at the end of a row in some
      CSV files, but a lost delimiter looks the same. The row is filled up with blanks.
    - too_many: more cells than columns, and the extra ones hold text: a delimiter inside a value
      that is not quoted. Which value belongs where cannot be known.
    - blank_extra: more cells than columns, the extra ones blank: nothing is lost.
    - undecodable: bytes that are no text in the encoding; they read as U+FFFD.
    - nul: NUL characters, which PostgreSQL text cannot hold; they were removed.
    - unclosed: a quotation mark is never closed, so that the rest of the file became one cell.
    """

    kind: ProblemKind
    reason: str

    @property
    def harmless(self) -> bool:
        """True when every value is where it belongs and as it was written."""
        return self.kind == "blank_extra"


class Row(NamedTuple):
    """One record. `line` is where it begins: physical line of the file, or row of the sheet.

    `cells` has at least as many items as the dialect has columns, in their order; a row with too
    many cells keeps the extra ones at the end.
    """

    line: int
    cells: list[str]
    problems: tuple[Problem, ...] = ()

    @property
    def reason(self) -> str:
        """Why the row cannot be taken as it is, or "" when it can."""
        return "; ".join(each.reason for each in self.problems if not each.harmless)
