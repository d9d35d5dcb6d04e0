"""Guessing: which field a column holds, judged by its header and by what stands in its cells.

Headers are compared as letters and digits only, so that "E-mail 1 - Value", "MAILINGCITY" and
"mailing_city" need no spelling of their own. Every field brings the names that other programs
give it (`Field.names`), the likeliest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from massadmin.records.fields import Field
from massadmin.records.values import FALSE_WORDS, TRUE_WORDS

FULL_NAMES = ("name", "fullname", "displayname", "contactname", "customername", "personname")
# What an address book of companies has and one of people does not: there, "Name" is the company's.
_COMPANY_SIGNS = re.compile(
    r"account(number|type|source|id)|annualrevenue|numberofemployees|tickersymbol|sic(code)?"
    r"|billing(street|city|state|country|postalcode|address)|industry|companytype"
)
# Prefixes that say whose field it is, which the module says already.
_OWNERS = re.compile(r"(npsp)?(contact|lead|person|customer|subscriber|client|member|user)1?")

EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}")
_PHONE = re.compile(r"\+?[\d\s().\u00a0/-]{7,24}(\s*(x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
# Digits alone may be any number: a phone number is told by its plus, brackets or groups.
_GROUPED = re.compile(r"\+\d|\(\d|\d{2,4}[\s-]\d{2,4}[\s-]?\d{2,4}")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")

# This much of what stands in a column must look alike for its contents to decide.
MOST = 0.8


def squashed(header: str) -> str:
    """The letters and digits of a header, lower case; "__c" of Salesforce's own fields is cut."""
    plain = header.casefold().strip().removesuffix("__c")
    return "".join(sign for sign in plain if sign.isalnum())


def guess(
    fields: Sequence[Field],
    columns: Sequence[str],
    samples: Sequence[Sequence[str]],
    *,
    has_header: bool,
    full_name: str | None,
) -> list[str | None]:
    """One field key, or None, per column; no field twice.

    Args:
        samples: cells of the first rows.
        full_name: what stands for a whole name, where the module has first and last names.
    """
    contents = [
        [row[column].strip() for row in samples if column < len(row) and row[column].strip()]
        for column in range(len(columns))
    ]
    mapping: list[str | None] = [None] * len(columns)
    if has_header:
        headers = [squashed(column) for column in columns]
        for field in fields:
            column = _best(field, headers, contents, mapping)
            if column is not None:
                mapping[column] = field.key
        if full_name:
            _place_full_name(full_name, headers, contents, mapping)
    _place_by_content(fields, contents, mapping)
    return mapping


def _best(
    field: Field,
    headers: Sequence[str],
    contents: Sequence[Sequence[str]],
    mapping: Sequence[str | None],
) -> int | None:
    """The column whose header names the field best; of two, the one that is filled."""
    names = [squashed(each) for each in (field.key, field.label, *field.names)]
    found: list[tuple[bool, int, int]] = []
    for column, header in enumerate(headers):
        if mapping[column] is not None or not header:
            continue
        rank = _rank(header, names)
        if rank is not None and _plausible(field, contents[column], exact=rank < len(names)):
            found.append((not contents[column], rank, column))
    return min(found)[2] if found else None


def _rank(header: str, names: Sequence[str]) -> int | None:
    """How good a name the header is: its place in `names`, those in disguise behind the others."""
    if header in names:
        return names.index(header)
    bare = _OWNERS.sub("", header, count=1) if _OWNERS.match(header) else header
    for disguise in (bare.removesuffix("1"), header.replace("1", "", 1)):
        if disguise and disguise in names:
            return len(names) + names.index(disguise)
    return None


def _plausible(field: Field, values: Sequence[str], *, exact: bool) -> bool:
    """Whether the cells do not speak against the header.

    A foreign id is not ours, an owner is named by e-mail; for the rest a plain header is believed,
    because a wrong cell is better reported than left out.
    """
    if not values:
        return field.key != "id"
    if field.key == "id":
        return exact and all(value.isdecimal() and len(value) < 19 for value in values)
    if field.type == "user":
        return _share(values, lambda value: bool(EMAIL.fullmatch(value))) > 0.5
    if exact:
        return True
    look = _LOOKS.get(field.type)
    return look is None or _share(values, look) > 0.5


def _place_full_name(
    full_name: str,
    headers: Sequence[str],
    contents: Sequence[Sequence[str]],
    mapping: list[str | None],
) -> None:
    """A column of whole names counts where no column holds first or last names. Where the file is
    about companies, it is their name."""
    if "first_name" in mapping or "last_name" in mapping:
        return
    found = [
        (not contents[column], FULL_NAMES.index(header), column)
        for column, header in enumerate(headers)
        if header in FULL_NAMES and mapping[column] is None
    ]
    if not found:
        return
    column = min(found)[2]
    companies = (
        "company_name" not in mapping
        and "email" not in mapping
        and any(_COMPANY_SIGNS.match(header) for header in headers)
    )
    mapping[column] = "company_name" if companies else full_name


def _place_by_content(
    fields: Sequence[Field], contents: Sequence[Sequence[str]], mapping: list[str | None]
) -> None:
    """Find e-mail addresses and phone numbers in columns that no header explained."""
    for field in fields:
        look = _LOOKS.get(field.type) if field.key in ("email", "phone") else None
        if look is None or field.key in mapping:
            continue
        shares = [
            (_share(values, look), -column)
            for column, values in enumerate(contents)
            if mapping[column] is None and _various(values)
        ]
        if shares and max(shares)[0] >= MOST:
            mapping[-max(shares)[1]] = field.key


def _various(values: Sequence[str]) -> bool:
    """Whether the values tell rows apart; a salesperson's address comes again and again."""
    return bool(values) and len(set(values)) * 2 > len(values)


def _share(values: Sequence[str], look: Callable[[str], bool]) -> float:
    return sum(map(look, values)) / len(values)


def _looks_like_phone(value: str) -> bool:
    digits = sum(sign.isdigit() for sign in value)
    return (
        7 <= digits <= 17
        and _PHONE.fullmatch(value) is not None
        and _GROUPED.search(value) is not None
        and not _DATE.match(value)
    )


_LOOKS: dict[str, Callable[[str], bool]] = {
    "email": lambda value: bool(EMAIL.fullmatch(value)),
    "phone": _looks_like_phone,
    "date": lambda value: bool(_DATE.match(value)),
    "datetime": lambda value: bool(_DATE.match(value)),
    "number": lambda value: bool(re.fullmatch(r"[-+]?[\d\s.,']+", value)),
    "boolean": lambda value: value.lower() in TRUE_WORDS | FALSE_WORDS,
}
