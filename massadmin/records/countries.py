"""Countries: their ISO 3166 codes and the names people give them.

The names are those of the IANA time zone database (`iso3166.tab`), which is installed anyway.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from phonenumbers import SUPPORTED_REGIONS

# What address books write besides the code and the name.
_ALSO = {
    "america": "US",
    "brasil": "BR",
    "britain": "GB",
    "czechia": "CZ",
    "czech republic": "CZ",
    "deutschland": "DE",
    "england": "GB",
    "españa": "ES",
    "france": "FR",
    "great britain": "GB",
    "holland": "NL",
    "italia": "IT",
    "méxico": "MX",
    "norge": "NO",
    "northern ireland": "GB",
    "republic of ireland": "IE",
    "russian federation": "RU",
    "schweiz": "CH",
    "scotland": "GB",
    "south korea": "KR",
    "sverige": "SE",
    "the netherlands": "NL",
    "türkiye": "TR",
    "u.k.": "GB",
    "u.s.": "US",
    "u.s.a.": "US",
    "uk": "GB",
    "united kingdom": "GB",
    "united states of america": "US",
    "usa": "US",
    "wales": "GB",
    "österreich": "AT",
}


@cache
def countries() -> dict[str, str]:
    """Names by code, in the order of the names; only those that have phone numbers."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    named = {code: name for code, name, *_ in rows if code in SUPPORTED_REGIONS}
    # The table calls one by a short name, and lacks one that ISO 3166 has only a reserved code for.
    named |= {"GB": "United Kingdom", "XK": "Kosovo"}
    return dict(sorted(named.items(), key=lambda item: item[1]))


@cache
def _codes() -> dict[str, str]:
    known = dict(_ALSO)
    for code, name in countries().items():
        whole = name.lower()
        for spelled in (code.lower(), whole, whole.partition(" (")[0]):
            known.setdefault(spelled, code)
            known.setdefault(spelled.replace("&", "and"), code)
    return known


def country_code(text: str) -> str | None:
    """The code of the country that `text` names, by code or by name; None when it names none."""
    return _codes().get(" ".join(text.lower().split()))
