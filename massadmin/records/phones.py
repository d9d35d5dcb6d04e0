"""Phone numbers as E.164, such as +4721234567.

The library that knows the world's numbering plans takes some 70 µs a number, which a million of
them feel. Numbers in a plain spelling that are as long as those of their country, and in which
nothing is open to another reading, are therefore read by that country's plan, compiled once;
whatever is less plain goes to the library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata

_PLAIN = re.compile(r"\+?\(?[0-9][0-9 ().\u00a0-]{4,24}")
_SIGNS = str.maketrans("", "", " ().\u00a0-")


class NoPhone(ValueError):
    """Text that is no phone number. `countryless`: it might be one, had it a country code."""

    def __init__(self, message: str, *, countryless: bool = False) -> None:
        self.countryless = countryless
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the numbers of one country look. `trunk` finds what is dialled before a national number;
    where that is just digits to leave out, they are `trunk_digits`. `whole` are national numbers
    that are in use; any of the `lengths` may come to be."""

    code: str
    lengths: frozenset[int]
    whole: re.Pattern[str]
    trunk: re.Pattern[str] | None
    trunk_digits: str | None
    international: re.Pattern[str] | None


def e164(raw: str, country: str | None = None) -> str:
    """`raw` as E.164.

    Args:
        country: ISO 3166 region of numbers written without a country code.

    Raises:
        NoPhone: no such number can exist, or it lacks a country code and `country` is None.
    """
    return _plainly(raw, country) or _thoroughly(raw, country)


def _plainly(raw: str, country: str | None) -> str | None:
    """The number if it is spelled plainly and can be read in one way only, else None."""
    if not _PLAIN.fullmatch(raw):
        return None
    digits = raw.translate(_SIGNS)
    if digits[0] == "+":
        for length in (1, 2, 3):
            plan = _plan_of_code(digits[1 : 1 + length])
            if plan is not None:
                number = digits[1 + length :]
                return digits if _stands(plan, number) else None
        return None
    plan = _plan_of_region(country) if country else None
    if plan is None or (plan.international and plan.international.match(digits)):
        return None
    in_use = plan.whole.fullmatch(digits) is not None
    # The code of the country may stand before a number without any sign of it.
    if not in_use and digits.startswith(plan.code):
        return None
    if _stands(plan, digits):
        return f"+{plan.code}{digits}"
    trunk = plan.trunk.match(digits) if plan.trunk is not None else None
    if (
        trunk is not None
        and trunk.group() == plan.trunk_digits
        and not any(trunk.groups())
        and not in_use
        and len(number := digits[trunk.end() :]) in plan.lengths
    ):
        return f"+{plan.code}{number}"
    return None


def _stands(plan: _Plan, number: str) -> bool:
    """Whether the number may be one of the plan as it stands: nothing in it could be a trunk prefix
    that is to be left out."""
    return len(number) in plan.lengths and (plan.trunk is None or not plan.trunk.match(number))


@lru_cache(maxsize=8_192)
def _thoroughly(raw: str, country: str | None) -> str:
    try:
        parsed = phonenumbers.parse(raw, country or None)
    except phonenumbers.NumberParseException as error:
        lacks_code = country is None and "+" not in raw and any(map(str.isdigit, raw))
        hint = " Write it with its country code, as in +47 21 23 45 67." if lacks_code else ""
        raise NoPhone(f"{raw[:40]!r} is no phone number.{hint}", countryless=lacks_code) from error
    if not phonenumbers.is_possible_number(parsed):
        raise NoPhone(f"{raw[:40]!r} is no possible phone number.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@cache
def _plan_of_region(region: str) -> _Plan | None:
    """The plan of a region, None for one without numbers."""
    metadata = PhoneMetadata.metadata_for_region(region.upper(), None)
    return _plan(metadata) if metadata is not None else None


@cache
def _plan_of_code(code: str) -> _Plan | None:
    """The plan of the main region of a country calling code, None for codes of no country."""
    if not code.isdigit() or code.startswith("0"):
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    return None if region in ("ZZ", "001") else _plan_of_region(region)


def _plan(metadata: PhoneMetadata) -> _Plan | None:
    pattern = metadata.general_desc.national_number_pattern if metadata.general_desc else None
    if pattern is None:
        return None
    trunk, rule = metadata.national_prefix_for_parsing, metadata.national_prefix_transform_rule
    international = metadata.international_prefix
    return _Plan(
        code=str(metadata.country_code),
        lengths=_lengths(metadata),
        whole=re.compile(pattern),
        trunk=re.compile(trunk) if trunk else None,
        trunk_digits=metadata.national_prefix if rule is None else None,
        international=re.compile(international) if international else None,
    )


def _lengths(metadata: PhoneMetadata) -> frozenset[int]:
    """How long national numbers are, in the region and in the main one of those with its code."""
    main = phonenumbers.region_code_for_country_code(metadata.country_code or 0)
    both = metadata, PhoneMetadata.metadata_for_region(main, None) or metadata
    own, others = (
        frozenset(each.general_desc.possible_length if each.general_desc else ()) for each in both
    )
    return own & others
