"""Reading: staged rows made into the values of records, a block at a time. No SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from massadmin.imports import full_names
from massadmin.imports.mapping import FULL_NAME
from massadmin.imports.parsing import SEPARATOR, FieldParser
from massadmin.imports.policy import Policy
from massadmin.records.fields import Field
from massadmin.records.modules import Module
from massadmin.records.tags import BadTag, tag_names

EMPTY_ROW = "Empty row: nothing in the mapped columns"
BAD_TAGS = "Tags hold one that is too long or not allowed"
_GOOGLE_HEADER = re.compile(r".+ \d+ - .+")
# Places of notes that belong to no written field.
_TAGS, _ID = -1, -2

# Cells by the number of their column: a list, or some of them in a dict.
Cells = Sequence[str] | Mapping[int, str]
# A staged row: its line, its cells, and why it is unusable, if it is.
Staged = tuple[int, Cells, str | None]


@dataclass(slots=True)
class Reading:
    """One row, read. `values` are JSON values by position of `Reader.fields`, None when empty.

    With an `outcome` (failed or skipped) the row is over, for `reason`; without, `reason` is a
    note about cells that were left out, whose positions are in `left_out`.
    """

    line: int
    values: tuple[Any, ...] = ()
    key: str | None = None
    tags: tuple[str, ...] = ()
    outcome: str = ""
    reason: str | None = None
    left_out: tuple[int, ...] = ()


class Reader:
    """Reads rows of one file. `fields` are those it fills, in the order of a reading's values.

    Args:
        owners: ids of the users that may own records, by e-mail and by name, lower case.
    """

    def __init__(
        self,
        module: Module,
        columns: Sequence[str],
        mapping: Sequence[str | None],
        policy: Policy,
        *,
        zone: str = "UTC",
        owners: Mapping[str, int] | None = None,
    ) -> None:
        known = {field.key: field for field in module.fields}
        self._places: dict[str, list[int]] = {}
        for column, key in enumerate(mapping):
            if key is not None and (key in known or key == FULL_NAME):
                self._places.setdefault(key, []).append(column)
        aside = (FULL_NAME, "tags", "id")
        self.fields: list[Field] = [known[key] for key in self._places if key not in aside]
        if FULL_NAME in self._places:
            named = [known[key] for key in ("first_name", "last_name") if key in known]
            self.fields += [field for field in named if field not in self.fields]
        self._position = {field.key: index for index, field in enumerate(self.fields)}
        self._match = known[policy.match] if policy.match else None
        self._parsers = {
            field.key: FieldParser(
                field,
                several=any(
                    _GOOGLE_HEADER.fullmatch(columns[column])
                    for column in self._places.get(field.key, ())
                ),
                trim=policy.trim,
                country=policy.country,
                zone=zone,
                owners=owners,
            )
            for field in (*self.fields, *([self._match] if self._match else []))
        }

    @property
    def matches(self) -> bool:
        """Whether rows can be matched: the policy asks for it and a column holds the field."""
        return self._match is not None and self._match.key in self._places

    @property
    def key_columns(self) -> list[int]:
        """The columns that `keys` looks at."""
        if self._match is None:
            return []
        found = list(self._places.get(self._match.key, ()))
        return found + (self._places.get("country", []) if self._match.type == "phone" else [])

    def keys(self, rows: Sequence[Cells]) -> list[str | None]:
        """The match values as text, None where there is none or it is not valid."""
        assert self._match is not None
        return [None if each is None else str(each) for each in self._column(self._match, rows)[0]]

    def read(self, staged: Sequence[Staged]) -> list[Reading]:
        """The rows as values of records, in their order."""
        usable = [row for row in staged if not row[2]]
        found = iter(self._read_usable(usable))
        return [
            Reading(line, outcome="failed", reason=problem[:1].upper() + problem[1:])
            if problem
            else next(found)
            for line, _, problem in staged
        ]

    def _read_usable(self, staged: Sequence[Staged]) -> list[Reading]:
        rows = [cells for _, cells, _ in staged]
        notes: dict[int, dict[int, str]] = {}
        columns: list[list[Any]] = []
        for place, field in enumerate(self.fields):
            values, wrong = self._column(field, rows)
            columns.append(values)
            for index, note in wrong.items():
                notes.setdefault(index, {})[place] = note
        if FULL_NAME in self._places:
            self._split_names(columns, self._raws(FULL_NAME, rows))
        readings = [
            Reading(line, values)
            for (line, _, _), values in zip(
                staged, zip(*columns, strict=True) if columns else [()] * len(rows), strict=True
            )
        ]
        if "tags" in self._places:
            self._read_tags(readings, rows, notes)
        self._identify(readings, columns, rows, notes)
        self._conclude(readings, notes)
        return readings

    def _raws(self, key: str, rows: Sequence[Cells]) -> list[str]:
        """The cells of a field; of several columns, the first that is filled."""
        first, *others = self._places[key]
        if not others:
            return [cells[first] for cells in rows]
        return [_first_filled(cells, self._places[key]) for cells in rows]

    def _column(self, field: Field, rows: Sequence[Cells]) -> tuple[list[Any], dict[int, str]]:
        if field.key not in self._places:
            return [None] * len(rows), {}
        told = field.type == "phone" and "country" in self._places
        countries = self._raws("country", rows) if told else None
        return self._parsers[field.key].column(self._raws(field.key, rows), countries)

    def _split_names(self, columns: list[list[Any]], names: Sequence[str]) -> None:
        """Fill first and last names where they have no column, or an empty cell."""
        parts = [full_names.split(name) for name in names]
        for which, key in enumerate(("first_name", "last_name")):
            place = self._position.get(key)
            if place is not None:
                columns[place] = [
                    part[which] if value is None else value
                    for value, part in zip(columns[place], parts, strict=True)
                ]

    def _read_tags(
        self, readings: Sequence[Reading], rows: Sequence[Cells], notes: dict[int, dict[int, str]]
    ) -> None:
        known: dict[tuple[str, ...], tuple[str, ...]] = {}
        for index, (reading, cells) in enumerate(zip(readings, rows, strict=True)):
            raws = tuple(cells[column] for column in self._places["tags"] if cells[column])
            if not raws:
                continue
            try:
                if raws not in known:
                    known[raws] = _tags(raws)
                reading.tags = known[raws]
            except BadTag:
                notes.setdefault(index, {})[_TAGS] = BAD_TAGS

    def _identify(
        self,
        readings: Sequence[Reading],
        columns: Sequence[list[Any]],
        rows: Sequence[Cells],
        notes: dict[int, dict[int, str]],
    ) -> None:
        """Set the rows' match values."""
        if not self.matches:
            return
        assert self._match is not None
        place = self._position.get(self._match.key)
        if place is not None:
            keys = columns[place]
        else:
            # The id is looked up only; it is not among the values.
            keys, wrong = self._column(self._match, rows)
            for index, note in wrong.items():
                notes.setdefault(index, {})[_ID] = note
        for reading, key in zip(readings, keys, strict=True):
            if key is not None:
                reading.key = str(key)

    def _conclude(
        self, readings: Sequence[Reading], notes: Mapping[int, Mapping[int, str]]
    ) -> None:
        """Decide what can be decided without the database."""
        for index, reading in enumerate(readings):
            wrong = notes.get(index)
            if wrong is None and reading.key is not None:
                continue
            told = "; ".join(wrong.values()) if wrong else ""
            filled = reading.tags or any(value is not None for value in reading.values)
            unmatched = self._unmatched(wrong or {}) if reading.key is None else None
            if unmatched and (filled or told):
                reading.outcome, reading.reason = "failed", unmatched
            elif not filled and reading.key is None:
                reading.outcome = "failed" if told else "skipped"
                reading.reason = told or EMPTY_ROW
            elif wrong:
                reading.reason = f"Left out: {told}"
                reading.left_out = tuple(place for place in wrong if place >= 0)

    def _unmatched(self, wrong: Mapping[int, str]) -> str | None:
        """Why a row without a match value cannot be imported; None where it needs none."""
        if not self.matches or self._match is None:
            return None
        place = self._position.get(self._match.key, _ID)
        if place == _ID:
            # A row without an id is a new record.
            return wrong.get(_ID)
        return wrong.get(place, f"No {self._match.label.lower()}, by which rows are matched")


def _first_filled(cells: Cells, columns: Sequence[int]) -> str:
    for column in columns:
        if cells[column] and not cells[column].isspace():
            return cells[column]
    return cells[columns[0]]


def _tags(raws: Sequence[str]) -> tuple[str, ...]:
    # Google marks groups of its own with an asterisk.
    words = [word.strip().removeprefix("* ") for raw in raws for word in raw.split(SEPARATOR)]
    return tuple(tag_names(words))
