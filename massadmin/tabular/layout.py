"""The shape of a table, judged by its first records: delimiter, quoting, preamble, header."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from _csv import Reader

# The first wins a draw: tabs are hardly ever part of a value.
DELIMITERS = ("\t", ",", ";", "|")
SAMPLE_RECORDS = 1_000
_PREAMBLE_RECORDS = 30
_VOTING_COLUMNS = 100
_VOTING_RECORDS = 100
_LONGEST_TYPED = 200

_SEP_LINE = re.compile(r"sep=([,;\t|:^~])\r?\n?", re.I)
_SPACED_QUOTE = re.compile(r' +".*"\s*', re.S)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"(https?://|www\.)\S+", re.I)
_NUMBER = re.compile(r"[-+(]?[$€£]?\s?\d[\d\s.,()/%:+-]*(e[-+]?\d+)?", re.I)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?")
_YEAR = re.compile(r"\s*(19|20)\d\d\s*")
_TRUTH = frozenset(("true", "false", "yes", "no", "y", "n"))


class Record(NamedTuple):
    """One parsed record of the sample and the physical line where it begins (1-based)."""

    line: int
    cells: list[str]

    @property
    def filled(self) -> int:
        """Cells that are not blank."""
        return sum(1 for cell in self.cells if cell and not cell.isspace())


@dataclass(frozen=True, slots=True)
class Form:
    """How delimited text is cut into cells."""

    delimiter: str = ","
    quotechar: str | None = '"'
    escapechar: str | None = None
    skip_space: bool = False

    def reader(self, lines: Iterable[str], strict: bool = False) -> Reader:
        """A `csv.reader` of `lines`; a strict one raises where a quotation ends in the middle."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quotechar,
            quoting=csv.QUOTE_MINIMAL if self.quotechar else csv.QUOTE_NONE,
            escapechar=self.escapechar,
            skipinitialspace=self.skip_space,
            strict=strict,
        )


@dataclass(frozen=True, slots=True)
class _Trial:
    form: Form
    records: list[Record]
    width: int
    agreeing: float

    @property
    def score(self) -> float:
        """Higher is better: records agree on a width, and it is more than one column."""
        return self.agreeing**2 * (1 - 1 / self.width) if self.width > 1 else 0.0


def parse(text: str, form: Form, complete: bool = True) -> list[Record]:
    """The first records of `text`, blank ones left out; the last too, unless it is complete."""
    reader = form.reader(io.StringIO(text, newline=""))
    records: list[Record] = []
    line = 1
    try:
        for cells in reader:
            record = Record(line, cells)
            if record.filled:
                records.append(record)
            line = reader.line_num + 1
            if len(records) > SAMPLE_RECORDS:
                return records[:-1]
    except csv.Error:
        return records
    return records if complete or len(records) < 2 else records[:-1]


def usual_width(records: Sequence[Record]) -> tuple[int, float]:
    """(the number of cells that most records have, the share of records that have it)."""
    if not records:
        return 0, 0.0
    counts = Counter(len(record.cells) for record in records)
    most = max(counts.values())
    width = max(width for width, count in counts.items() if count == most)
    return width, most / len(records)


def _try(text: str, form: Form, complete: bool) -> _Trial:
    records = parse(text, form, complete)
    return _Trial(form, records, *usual_width(records))


def find_form(
    text: str,
    complete: bool,
    delimiter: str | None = None,
    quotechar: str | None = '"',
    choose_quoting: bool = True,
) -> tuple[Form, list[Record]]:
    """How to cut `text`, the beginning of a file, and its records so cut.

    A `delimiter` that is given is kept. With `choose_quoting`, backslash escapes, blanks before
    quotation marks and unquoted files are recognised too; without, `quotechar` is kept.
    """
    told = _SEP_LINE.match(text)
    if told and delimiter is None:
        delimiter = told[1]
    choices = (delimiter,) if delimiter else DELIMITERS
    forms = [Form(each, quotechar) for each in choices]
    if choose_quoting and f"\\{quotechar}" in text:
        forms += [Form(each, quotechar, "\\") for each in choices]
    trials = [_try(text, form, complete) for form in forms]
    best = max(trials, key=lambda trial: trial.score)
    if not best.score and not delimiter:
        best = trials[choices.index(",")]
    if choose_quoting and quotechar:
        best = _other_quoting(text, best, complete)
    return best.form, best.records


def _other_quoting(text: str, plain: _Trial, complete: bool) -> _Trial:
    """A trial that reads `text` better than `plain` does, if there is one, or `plain`."""
    best, quote = plain, plain.form.quotechar
    if f" {quote}" in text:
        spaced = _try(text, replace(best.form, skip_space=True), complete)
        literal = any(_SPACED_QUOTE.fullmatch(cell) for row in best.records for cell in row.cells)
        if spaced.score > best.score or (spaced.score == best.score and literal):
            best = spaced
    broken = _breaks_off(text, best.form)
    if broken or best.agreeing < 1.0:
        bare = _try(text, Form(plain.form.delimiter, None), complete)
        values = [cell for record in bare.records for cell in record.cells]
        begun = sum(value.startswith(str(quote)) for value in values)
        whole = sum(len(value) > 1 and value[0] == value[-1] == quote for value in values)
        better = bare.score >= best.score if broken else bare.score > best.score + 0.05
        if better and whole * 2 < begun:
            best = bare
    return best


def _breaks_off(text: str, form: Form) -> bool:
    """Whether something other than a delimiter follows a closing quotation mark: 5" disk."""
    try:
        for _ in form.reader(io.StringIO(text, newline=""), strict=True):
            pass
    except csv.Error as error:
        return "expected after" in str(error)
    return False


def find_preamble(records: Sequence[Record]) -> int:
    """How many of the first records are titles, instructions or comments above the table."""
    if records and _SEP_LINE.fullmatch(",".join(records[0].cells)):
        return 1 + find_preamble(records[1:])
    width, _ = usual_width(records)
    comments = 0
    while comments < len(records) - 1 and _is_comment(records[comments], width):
        comments += 1
    if width < 2:
        return 0
    sparse = 2 if width >= 6 else 1
    for index, record in enumerate(records[comments:_PREAMBLE_RECORDS], comments):
        if record.filled > sparse and record.filled * 2 >= width:
            return index if looks_like_header(records[index:]) else comments
        if record.filled > sparse:
            return comments
    return comments


def _is_comment(record: Record, width: int) -> bool:
    return record.cells[0].lstrip().startswith("#") and len(record.cells) < max(width, 2)


def looks_like_header(records: Sequence[Record]) -> bool:
    """Whether the first of `records` names the columns, rather than being a record itself.

    Every column votes: for, when the values below are of a kind (numbers, dates, addresses) that
    its first cell is not; against, when the first cell is of that kind too or comes again below.
    A draw is a header, unless the first record holds what no header does, such as an address.
    """
    if not records:
        return True
    first, below = records[0].cells, records[1 : 1 + _VOTING_RECORDS]
    if any(_cell_kind(cell) in ("email", "url") for cell in first):
        return False
    votes = 0
    for column, name in enumerate(first[:_VOTING_COLUMNS]):
        values = [record.cells[column] for record in below if column < len(record.cells)]
        values = [value for value in values if value.strip()]
        kind = _cell_kind(name)
        # A year is a usual name for a column of numbers.
        if not values or kind == "blank" or _YEAR.fullmatch(name):
            continue
        kinds = {_cell_kind(value) for value in values}
        if len(kinds) == 1 and kinds != {"text"}:
            votes += -1 if kind in kinds else 1
        elif kind != "text" or name in values:
            votes -= 1
    if votes:
        return votes > 0
    return all(_cell_kind(cell) in ("text", "blank", "truth") for cell in first)


def _cell_kind(cell: str) -> str:
    cell = cell.strip()
    if not cell:
        return "blank"
    if len(cell) > _LONGEST_TYPED:
        return "text"
    if _EMAIL.fullmatch(cell):
        return "email"
    if _URL.fullmatch(cell):
        return "url"
    if _DATE.fullmatch(cell):
        return "date"
    if _NUMBER.fullmatch(cell):
        return "number"
    return "truth" if cell.lower() in _TRUTH else "text"


def column_names(first: Sequence[str] | None, width: int) -> tuple[str, ...]:
    """Names for `width` columns: the header's, on one line; "Column 3" where there is none."""
    given = [" ".join(cell.replace("\0", "").split()) for cell in first or ()]
    given += [""] * (width - len(given))
    return tuple(name or f"Column {number}" for number, name in enumerate(given, 1))
