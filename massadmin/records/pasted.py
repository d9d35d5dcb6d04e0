"""Pasted values: ids, e-mails and phone numbers as people copy them from anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Text, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filter_sql import visible
from massadmin.records.modules import Module
from massadmin.records.values import BadValue, phone, whole_number

MAX_VALUES = 5_000
# Digits of the shortest number that could be one of a phone, without its plus sign.
PHONE_DIGITS = 8
_EMAIL = re.compile(r"[^\s<>,;|\"()\[\]]+@[^\s<>,;|\"()\[\]]+")
_WRAPPING = " '\"<>"
_SEPARATORS = re.compile(r"[\n\r\t,;|]+")


class TooManyValues(ValueError):
    """More was pasted than is looked for at once; the message says how much."""


@dataclass(frozen=True)
class Value:
    """One value as it was pasted, and what it could be."""

    text: str
    email: str | None = None
    phone: str | None = None
    id: int | None = None


@dataclass(frozen=True)
class Found:
    """Which pasted values were found: `ids` of deleted records, `values` that led to them,
    `live` values of records that are not deleted, and `missing` ones."""

    ids: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def read_pasted(text: str) -> list[Value]:
    """The values in `text`, each once, whatever separates them. A phone number has its country
    code, as it has in the records.

    Raises:
        TooManyValues: there are more than `MAX_VALUES`.
    """
    found: dict[str, Value] = {}
    for piece in _pieces(text.replace("\x00", " ")):
        found.setdefault(piece.lower(), _value(piece))
        if len(found) > MAX_VALUES:
            raise TooManyValues(f"At most {MAX_VALUES:,} values are looked for at once.")
    return list(found.values())


def find_pasted(module: Module, values: list[Value], user: User) -> Found:
    """Look for the values among the records, deleted ones first, that `user` may see."""
    deleted, ids = _matches(module, values, user, trash=True)
    rest = [each for each in values if each not in deleted]
    live, _ = _matches(module, rest, user, trash=False)
    return Found(
        ids=sorted(ids),
        values=[each.text for each in values if each in deleted],
        live=[each.text for each in rest if each in live],
        missing=[each.text for each in rest if each not in live],
    )


def _pieces(text: str) -> Iterator[str]:
    for part in _SEPARATORS.split(text):
        emails = _EMAIL.findall(part)
        yield from (each.removeprefix("mailto:").strip(".'") for each in emails)
        rest = _EMAIL.sub(" ", part)
        numbers = [token for token in rest.split() if token.isdecimal()]
        if "+" in rest:
            # Blanks belong to a phone number, so a plus sign begins the next one.
            yield from (f"+{each.strip()}" for each in rest.split("+")[1:] if each.strip())
        elif emails or len(numbers) == len(rest.split()):
            # Words beside an address are the name of whom it belongs to.
            yield from numbers
        elif rest.strip(_WRAPPING):
            yield rest.strip(_WRAPPING)


def _value(text: str) -> Value:
    if "@" in text:
        return Value(text, email=text.lower())
    plain = text.isdecimal() and len(text) >= PHONE_DIGITS
    try:
        dialled = phone(f"+{text}" if plain else text)
    except BadValue:
        dialled = None
    return Value(text, phone=dialled, id=whole_number(text))


def _matches(
    module: Module, values: list[Value], user: User, *, trash: bool
) -> tuple[set[Value], set[int]]:
    """The values that some record has, and the ids of those records."""
    table = module.table
    rows = db.session.execute(
        select(table.c.id, func.lower(table.c.email), table.c.phone).where(
            visible(module, user, trash=trash),
            or_(
                func.lower(table.c.email) == any_(_array([v.email for v in values], Text())),
                table.c.phone == any_(_array([v.phone for v in values], Text())),
                table.c.id == any_(_array([v.id for v in values], BigInteger())),
            ),
        )
    ).all()
    ids = {row[0] for row in rows}
    emails = {row[1] for row in rows} - {None}
    phones = {row[2] for row in rows} - {None}
    return {
        each for each in values if each.email in emails or each.phone in phones or each.id in ids
    }, ids


def _array(values: Sequence[object], kind: Text | BigInteger) -> BindParameter[Any]:
    given = [each for each in values if each is not None]
    return bindparam(None, given, type_=ARRAY(kind), unique=True)
