"""Values: text from a form, a file or a command line, made into what a field stores.

`parse` is the one gate. Text is kept to the letter (an empty cell is None, and nothing else is
trimmed), because a name is whatever its bearer writes; addresses, numbers and dates are normalised.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email

from massadmin.records.countries import country_code
from massadmin.records.fields import Field
from massadmin.records.phones import NoPhone, e164

MAX_TEXT_CHARS = 32_768
# Of users, lists and sessions.
MAX_SHORT_ID = 2**31 - 1
MAX_RECORD_ID = 2**63 - 1
# Digits of a number before the point, and zeros behind it before the first other digit.
MAX_DIGITS = 30
MAX_NUMBER_CHARS = 100
TRUE_WORDS = frozenset({"1", "true", "yes", "y", "on", "x", "t"})
FALSE_WORDS = frozenset({"0", "false", "no", "n", "off", "f"})

# Addresses of this plain shape are valid under RFC 5321 without asking the (slower) library. The
# last label begins with a letter, which tells a domain from a numeric address.
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
# The domain of a country itself can have mailboxes; any other single word is a domain cut short.
_COUNTRY_EMAIL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z]{2}")
_MAX_LOCAL, _MAX_ADDRESS = 64, 254
_DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y")


class BadValue(ValueError):
    """A value the field cannot hold; the message says what was wrong and what it takes."""


def parse(field: Field, raw: str, *, country: str | None = None, zone: str = "UTC") -> Any:
    """`raw` as the field stores it, or None when it is empty.

    Args:
        country: ISO 3166 region of phone numbers written without a country code.
        zone: IANA zone of times written without an offset.

    Returns:
        str for text, e-mail (domain in lower case), phone (E.164), choice, country (its ISO 3166
        code) and time zone; Decimal, date, aware datetime, bool, or int (a user's or record's id).

    Raises:
        BadValue: the field cannot hold it.
    """
    if "\x00" in raw:
        raise BadValue(f"{field.label} holds a NUL character, which text cannot contain.")
    if len(raw) > MAX_TEXT_CHARS:
        raise BadValue(
            f"{field.label} has {len(raw):,} characters; at most {MAX_TEXT_CHARS:,} are kept."
        )
    if raw == "":
        return None
    if field.type == "text":
        return raw
    stripped = raw.strip()
    if not stripped:
        return None
    match field.type:
        case "email":
            return email(stripped)
        case "phone":
            return phone(stripped, country)
        case "number":
            return number(field, stripped)
        case "date":
            return day(field, stripped)
        case "datetime":
            return moment(field, stripped, zone)
        case "boolean":
            return truth(field, stripped)
        case "choice":
            return choice(field, stripped)
        case "country":
            return country_named(stripped)
        case "time_zone":
            return time_zone(stripped)
        case "user" | "id":
            largest = MAX_SHORT_ID if field.type == "user" else MAX_RECORD_ID
            known = whole_number(stripped, largest)
            if known is None:
                raise BadValue(f"{field.label}: {stripped[:60]!r} is no id.")
            return known
    raise BadValue(f"{field.label} cannot be set this way.")


def whole_number(raw: str, largest: int = MAX_RECORD_ID) -> int | None:
    """`raw` as a whole number from 0 to `largest`, such as an id; None when it is not one.

    Digits are counted before they are read: Python refuses to read some thousands of them.
    """
    if not raw.isdecimal() or len(raw) > len(str(largest)):
        return None
    value = int(raw)
    return value if value <= largest else None


def email(raw: str) -> str:
    """A deliverable mailbox, its domain in lower case.

    Obsolete forms that RFC 5322 still allows (comments, quoted words, address literals) are
    refused: no mail program of the last decades writes them, so they are mistakes.

    Raises:
        BadValue: it is no such address.
    """
    local, _, domain = raw.rpartition("@")
    if len(local) > _MAX_LOCAL or len(raw) > _MAX_ADDRESS:
        raise BadValue(f"{raw[:80]!r} is no e-mail address: it is too long.")
    if _PLAIN_EMAIL.fullmatch(raw) or (
        _COUNTRY_EMAIL.fullmatch(raw) and country_code(domain) is not None
    ):
        return f"{local}@{domain.lower()}"
    try:
        return validate_email(raw, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise BadValue(f"{raw[:80]!r} is no e-mail address: {error}") from error


def phone(raw: str, country: str | None = None) -> str:
    """A phone number as E.164, such as +4721234567.

    Raises:
        BadValue: no such number can exist, or it lacks a country code and `country` is None.
    """
    try:
        return e164(raw, country)
    except NoPhone as error:
        raise BadValue(str(error)) from error


def number(field: Field, raw: str) -> Decimal:
    """A decimal number; thousands separators (comma, space, apostrophe) are dropped.

    Raises:
        BadValue: it is not one.
    """
    plain = raw.replace("\u00a0", "").replace(" ", "").replace("'", "")
    if re.fullmatch(r"[+-]?\d+,\d{1,2}", plain):
        plain = plain.replace(",", ".")
    try:
        value = Decimal(plain.replace(",", ""))
    except DecimalException as error:
        raise BadValue(f"{field.label}: {raw[:40]!r} is no number.") from error
    # Looked at, not compared: arithmetic with an absurd exponent fails.
    absurd = len(plain) > MAX_NUMBER_CHARS or abs(value.adjusted()) >= MAX_DIGITS
    if not value.is_finite() or (value and absurd):
        raise BadValue(f"{field.label}: {raw[:40]!r} is out of range.")
    return value if value else Decimal(0)


def day(field: Field, raw: str) -> date:
    """A calendar date; ISO first, then the usual spellings.

    Raises:
        BadValue: it is not one.
    """
    for shape in _DATE_FORMATS:
        try:
            return datetime.strptime(raw, shape).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(raw).date()
    except ValueError as error:
        raise BadValue(f"{field.label}: {raw[:40]!r} is no date, such as 2026-03-31.") from error


def moment(field: Field, raw: str, zone: str = "UTC") -> datetime:
    """An instant; a time without an offset is in `zone`, a date alone is its first instant.

    Raises:
        BadValue: it is not one.
    """
    try:
        value = datetime.fromisoformat(raw)
    except ValueError:
        first = day(field, raw)
        value = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(zone))
    # The first and the last year could not be shown in every zone.
    if not date.min.year < value.year < date.max.year:
        raise BadValue(f"{field.label}: {raw[:40]!r} is out of range.")
    return value.astimezone(UTC)


def truth(field: Field, raw: str) -> bool:
    """Yes or no.

    Raises:
        BadValue: it is neither.
    """
    word = raw.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise BadValue(f"{field.label}: {raw[:40]!r} is neither yes nor no.")


def choice(field: Field, raw: str) -> str:
    """One of the field's choices, in their spelling; an open field keeps other values too.

    Raises:
        BadValue: the field offers no such choice.
    """
    for each in field.choices:
        if each.lower() == raw.lower():
            return each
    if field.open_choices:
        return raw
    raise BadValue(f"{field.label}: {raw[:40]!r} is none of {', '.join(field.choices)}.")


def country_named(raw: str) -> str:
    """The ISO 3166 code of a country named by its code or by its name.

    Raises:
        BadValue: it names none.
    """
    code = country_code(raw)
    if code is None:
        raise BadValue(f"{raw[:60]!r} is no country, such as NO or Norway.")
    return code


def time_zone(raw: str) -> str:
    """An IANA zone name, however its letters were capitalised.

    Raises:
        BadValue: there is no such zone.
    """
    zone = _zones().get(raw.lower())
    if zone is None:
        raise BadValue(f"{raw[:60]!r} is no time zone, such as Europe/Oslo.")
    return zone


def time_zones() -> tuple[str, ...]:
    """Every IANA zone name, in their order."""
    return tuple(_zones().values())


@cache
def _zones() -> dict[str, str]:
    # Asked for every row of a file, and looking through the folders of zones takes some 20 ms.
    return {zone.lower(): zone for zone in sorted(available_timezones())}


def to_json(value: Any) -> Any:
    """A parsed value as jsonb stores it in custom fields and results: numbers stay numbers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
