"""Parsing: the cells of one column of a block of rows, made into the values of its field.

A column at a time, and each different text once: most columns repeat themselves, and what is done
per cell is done by the interpreter's own loops. A million rows of ten columns feel that.

Notes name the field but not the value, so that a page can say “14 × E-mail is not a valid
address”; the value stands in the downloaded rows beside its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from massadmin.records.countries import country_code
from massadmin.records.fields import Field
from massadmin.records.phones import NoPhone
from massadmin.records.values import (
    MAX_TEXT_CHARS,
    BadValue,
    email,
    parse,
    phone,
    to_json,
)

# Types of which a file's text is kept as it is. Of a country, too: files name it in many languages
# and codes, and what no list here knows must not be lost.
_AS_WRITTEN = frozenset({"text", "country"})
# Address books of Google put several values into one cell like this.
SEPARATOR = " ::: "

Values = list[Any]
# What is wrong, by the place of the row in its block.
Notes = dict[int, str]

_NOT = {
    "email": "is not a valid address",
    "phone": "is not a possible phone number",
    "number": "is not a number",
    "date": "is not a date",
    "datetime": "is not a date",
    "boolean": "is neither yes nor no",
    "choice": "is none of its choices",
    "time_zone": "is no known zone",
    "user": "is no active user",
    "id": "is not a number",
}


class FieldParser:
    """Parses the cells of one field.

    Args:
        several: cells may hold several values, of which the first counts.
        trim: text loses the blanks around it.
        country: of phone numbers without a country code; None takes each row's own.
        zone: of times without an offset.
        owners: ids of users by e-mail and by name, lower case.
    """

    def __init__(
        self,
        field: Field,
        *,
        several: bool = False,
        trim: bool = False,
        country: str | None = None,
        zone: str = "UTC",
        owners: Mapping[str, int] | None = None,
    ) -> None:
        self.field = field
        self._several, self._trim = several, trim
        self._country, self._zone, self._owners = country, zone, owners or {}
        self._plain = field.type in _AS_WRITTEN and not several and not trim

    def column(
        self, raws: Sequence[str], countries: Sequence[str] | None = None
    ) -> tuple[Values, Notes]:
        """JSON values of a column of cells, None where they are empty or wrong, and what is wrong.

        Args:
            countries: what the rows' country cells say, for phone numbers.
        """
        if self._plain and max(map(len, raws), default=0) <= MAX_TEXT_CHARS:
            return [raw or None for raw in raws], {}
        if self.field.type == "phone" and self._country is None and countries is not None:
            codes = {told: country_code(told) for told in set(countries)}
            pairs = [(raw, codes[told]) for raw, told in zip(raws, countries, strict=True)]
            return self._each(pairs, lambda pair: self._phone(*pair))
        return self._each(raws, self._one)

    def _each(self, cells: Sequence[Any], parse_one: Callable[[Any], Any]) -> tuple[Values, Notes]:
        """Parse each different cell once."""
        known: dict[Hashable, Any] = {}
        wrong: dict[Hashable, str] = {}
        for cell in set(cells):
            try:
                known[cell] = parse_one(cell)
            except BadValue as error:
                known[cell] = None
                wrong[cell] = self._plainly(cell if isinstance(cell, str) else cell[0], error)
        notes = (
            {index: wrong[cell] for index, cell in enumerate(cells) if cell in wrong}
            if wrong
            else {}
        )
        return [known[cell] for cell in cells], notes

    def _one(self, raw: str) -> Any:
        if not raw:
            return None
        if len(raw) > MAX_TEXT_CHARS:
            raise BadValue("too long")
        match self.field.type:
            case "email":
                first = first_of(raw)
                return email(first) if first else None
            case "phone":
                return self._phone(raw, self._country)
            case "user":
                return self._owner(raw)
            case kind if kind in _AS_WRITTEN:
                return self._as_written(raw)
        return to_json(parse(self.field, raw, zone=self._zone))

    def _as_written(self, raw: str) -> str | None:
        if "\x00" in raw:
            raise BadValue("a NUL character")
        if self._several:
            return first_of(raw) or None
        return (raw.strip() if self._trim else raw) or None

    def _phone(self, raw: str, country: str | None) -> str | None:
        first = first_of(raw)
        return phone(first, country) if first else None

    def _owner(self, raw: str) -> int | None:
        wanted = raw.strip().lower()
        if not wanted:
            return None
        if wanted not in self._owners:
            raise BadValue(f"{raw[:60]!r} is no active user.")
        return self._owners[wanted]

    def _plainly(self, raw: str, error: BadValue) -> str:
        """What is wrong, without the value."""
        label = self.field.label
        if len(raw) > MAX_TEXT_CHARS:
            return f"{label} is longer than {MAX_TEXT_CHARS:,} characters"
        if isinstance(error.__cause__, NoPhone) and error.__cause__.countryless:
            return f"{label} is not a phone number with its country code"
        return f"{label} {_NOT.get(self.field.type, 'cannot be kept')}"


def first_of(raw: str) -> str:
    """The first of several values in one cell, without the blanks around it."""
    return (raw.partition(SEPARATOR)[0] if SEPARATOR in raw else raw).strip()
