"""Countries by the names and codes that people and files give them."""

from __future__ import annotations

import pytest

from massadmin.records.countries import countries, country_code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("NO", "NO"),
        ("no", "NO"),
        ("  united   states ", "US"),
        ("Korea (South)", "KR"),
        ("bosnia and herzegovina", "BA"),
        ("Bosnia & Herzegovina", "BA"),
        ("Kosovo", "XK"),
        ("Deutschland", "DE"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_country_is_known_by_its_code_or_its_name(written: str, code: str | None) -> None:
    assert country_code(written) == code


def test_every_country_is_known_by_what_is_offered_for_it() -> None:
    assert {code: country_code(name) for code, name in countries().items()} == {
        code: code for code in countries()
    }
