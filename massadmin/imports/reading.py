"""Reading: the cells of a staged row made into the values of a record. No SQL.

Reasons name the field but not the value, so that a page can say “14 × E-mail is not a valid
address”; the value stands in the downloaded rows beside its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from massadmin.imports import full_names
from massadmin.imports.mapping import FULL_NAME
from massadmin.imports.policy import Policy
from massadmin.records.countries import country_code
from massadmin.records.fields import Field
from massadmin.records.modules import Module
from massadmin.records.phones import NoPhone
from massadmin.records.tags import BadTag, tag_names
from massadmin.records.values import (
    MAX_TEXT_CHARS,
    BadValue,
    email,
    parse,
    phone,
    time_zone,
    to_json,
)

EMPTY_ROW = "Empty row: nothing in the mapped columns"
# Address books of Google put several values into one cell like this.
SEPARATOR = " ::: "
_GOOGLE_HEADER = re.compile(r".+ \d+ - .+")
_MOST_REMEMBERED = 10_000

# Of a cell and its row: most fields look at the cell only.
Parse = Callable[[str, Sequence[str]], Any]


@dataclass(slots=True)
class Reading:
    """One row, read. `values` are JSON values by position of `Reader.fields`, None when empty.

    With an `outcome` (failed or skipped) the row is over, for `reason`; without, `reason` is a
    note about cells that were left out, whose positions are in `left_out`.
    """

    line: int
    values: list[Any]
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
        places: dict[str, list[int]] = {}
        for column, key in enumerate(mapping):
            if key is not None and (key in known or key == FULL_NAME):
                places.setdefault(key, []).append(column)
        self._policy = policy
        self._zone = zone
        self._owners = owners or {}
        self._columns = columns
        self._name_columns = places.pop(FULL_NAME, [])
        self._tag_columns = places.pop("tags", [])
        id_columns = places.pop("id", [])
        written = [known[key] for key in places]
        if self._name_columns:
            named = [known[key] for key in ("first_name", "last_name") if key in known]
            written += [field for field in named if field not in written]
        self.fields: list[Field] = written
        self._position = {field.key: index for index, field in enumerate(written)}
        self._plan: list[tuple[int, list[int], Field, Parse | None]] = [
            (index, places[field.key], field, self._parser(field, places[field.key]))
            for index, field in enumerate(written)
            if field.key in places
        ]
        self._match = known[policy.match] if policy.match else None
        self._match_columns = (
            id_columns if policy.match == "id" else places.get(policy.match or "", [])
        )
        self._match_place = self._position.get(policy.match or "")
        self._country_columns = [] if policy.country else places.get("country", [])
        self._country = cache(country_code)

    @property
    def matches(self) -> bool:
        """Whether rows can be matched: the policy asks for it and a column holds the field."""
        return bool(self._match_columns)

    @property
    def key_columns(self) -> list[int]:
        """The columns that `key` looks at."""
        phone = self._match is not None and self._match.type == "phone"
        return self._match_columns + (self._country_columns if phone else [])

    def read(self, line: int, cells: Sequence[str], problem: str | None = None) -> Reading:
        """The row as a record's values."""
        values: list[Any] = [None] * len(self.fields)
        reading = Reading(line, values)
        if problem:
            reading.outcome, reading.reason = "failed", problem[:1].upper() + problem[1:]
            return reading
        notes: dict[int, str] = {}
        for index, columns, field, parser in self._plan:
            raw = cells[columns[0]] if len(columns) == 1 else _first_filled(cells, columns)
            if not raw:
                continue
            if parser is None and len(raw) <= MAX_TEXT_CHARS:
                values[index] = raw
                continue
            try:
                values[index] = (parser or _too_long)(raw, cells)
            except BadValue as error:
                notes[index] = _plainly(field, raw, error)
        if self._name_columns:
            self._split_name(values, _first_filled(cells, self._name_columns))
        if self._tag_columns:
            try:
                reading.tags = self._tags(cells)
            except BadTag:
                notes[-1] = "Tags hold one that is too long or not allowed"
        self._conclude(reading, cells, notes)
        return reading

    def key(self, cells: Sequence[str]) -> str | None:
        """The match value as text, None when there is none or it is not valid."""
        try:
            return self._key(cells)
        except BadValue:
            return None

    def _key(self, cells: Sequence[str]) -> str | None:
        assert self._match is not None
        raw = _first_filled(cells, self._match_columns)
        if not raw:
            return None
        match self._match.type:
            case "phone":
                return self._phone(raw, cells)
            case "email":
                return email(_first_of(raw)) if raw.strip() else None
        value = parse(self._match, raw)
        return None if value is None else str(value)

    def _conclude(self, reading: Reading, cells: Sequence[str], notes: dict[int, str]) -> None:
        """Decide what can be decided without the database."""
        filled = any(value is not None for value in reading.values) or bool(reading.tags)
        if self._match_columns:
            reason = self._identify(reading, cells, notes)
            if reason and (filled or notes):
                reading.outcome, reading.reason = "failed", reason
                return
        told = "; ".join(notes.values())
        if not filled and reading.key is None:
            reading.outcome = "failed" if told else "skipped"
            reading.reason = told or EMPTY_ROW
        elif notes:
            reading.reason = f"Left out: {told}"
            reading.left_out = tuple(index for index in notes if index >= 0)

    def _identify(
        self, reading: Reading, cells: Sequence[str], notes: dict[int, str]
    ) -> str | None:
        """Find the row's match value; why it has none, where it needs one."""
        field, place = self._match, self._match_place
        assert field is not None
        if place is None:
            # The id is looked up only; a row without one is a new record.
            try:
                reading.key = self._key(cells)
            except BadValue:
                notes[-2] = f"{field.label} {_NOT['id']}"
                return notes[-2]
            return None
        value = reading.values[place]
        if value is None:
            return notes.get(place, f"No {field.label.lower()}, by which rows are matched")
        reading.key = str(value)
        return None

    def _parser(self, field: Field, columns: Sequence[int]) -> Parse | None:
        """How a cell of the field is read; None for text as it is."""
        google = any(_GOOGLE_HEADER.fullmatch(self._columns[column]) for column in columns)
        if field.type == "email":
            return lambda raw, _: email(_first_of(raw)) if raw.strip() else None
        if field.type == "phone":
            return self._phone
        if field.type == "text" and field.key != "time_zone":
            if google:
                return lambda raw, _: _first_of(raw) or None
            return (lambda raw, _: raw.strip() or None) if self._policy.trim else None
        return _remembering(lambda raw: self._typed(field, raw))

    def _typed(self, field: Field, raw: str) -> Any:
        """The JSON value of any other type."""
        if field.type == "user":
            return self._owner(field, raw)
        value = parse(field, raw, zone=self._zone)
        if field.key == "time_zone" and value is not None:
            time_zone(value)
        return to_json(value)

    def _phone(self, raw: str, cells: Sequence[str]) -> str | None:
        """A phone number; without a country code, of the row's own country, if that is told."""
        raw = _first_of(raw)
        if not raw:
            return None
        country = self._policy.country
        if country is None and self._country_columns and raw[0] != "+":
            country = self._country(_first_filled(cells, self._country_columns))
        return phone(raw, country)

    def _owner(self, field: Field, raw: str) -> int | None:
        wanted = raw.strip().lower()
        if not wanted:
            return None
        if wanted not in self._owners:
            raise BadValue(f"{field.label}: {raw[:60]!r} is no active user.")
        return self._owners[wanted]

    def _split_name(self, values: list[Any], name: str) -> None:
        first, last = full_names.split(name)
        for key, part in (("first_name", first), ("last_name", last)):
            place = self._position.get(key)
            if place is not None and values[place] is None:
                values[place] = part

    def _tags(self, cells: Sequence[str]) -> tuple[str, ...]:
        parts = [cells[column] for column in self._tag_columns if cells[column]]
        if not parts:
            return ()
        # Google marks groups of its own with an asterisk.
        words = [
            word.strip().removeprefix("* ") for part in parts for word in part.split(SEPARATOR)
        ]
        return tuple(tag_names(words))


def _first_filled(cells: Sequence[str], columns: Sequence[int]) -> str:
    for column in columns:
        if cells[column] and not cells[column].isspace():
            return cells[column]
    return cells[columns[0]] if columns else ""


def _first_of(raw: str) -> str:
    """The first of several values in one cell, without the blanks around it."""
    return (raw.partition(SEPARATOR)[0] if SEPARATOR in raw else raw).strip()


def _too_long(raw: str, cells: Sequence[str]) -> Any:
    raise BadValue(f"{len(raw):,} characters are too many.")


def _remembering(parse_one: Callable[[str], Any]) -> Parse:
    """Values of most types come again and again: each is parsed once."""
    known: dict[str, Any] = {}

    def remembered(raw: str, _: Sequence[str]) -> Any:
        try:
            return known[raw]
        except KeyError:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            value = known[raw] = parse_one(raw)
            return value

    return remembered


_NOT = {
    "email": "is not a valid address",
    "phone": "is not a possible phone number",
    "number": "is not a number",
    "date": "is not a date",
    "datetime": "is not a date",
    "boolean": "is neither yes nor no",
    "choice": "is none of its choices",
    "user": "is no active user",
    "id": "is not a number",
}


def _plainly(field: Field, raw: str, error: BadValue) -> str:
    """What is wrong, without the value."""
    if len(raw) > MAX_TEXT_CHARS:
        return f"{field.label} is longer than {MAX_TEXT_CHARS:,} characters"
    if field.key == "time_zone":
        return f"{field.label} is no known zone"
    if isinstance(error.__cause__, NoPhone) and error.__cause__.countryless:
        return f"{field.label} is not a phone number with its country code"
    return f"{field.label} {_NOT.get(field.type, 'cannot be kept')}"


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows for `json_to_recordset`."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
