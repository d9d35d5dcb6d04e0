"""Values from the field: phone numbers of 246 regions, and addresses of the isemail test sets."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from xml.etree import ElementTree

import phonenumbers
import pytest

from massadmin.records import phones
from massadmin.records.values import BadValue, email, phone

# Numbers of no country ("001") can only be written internationally.
NO_COUNTRY = "001"


@pytest.fixture(scope="session")
def examples(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "phone-examples" / "examples.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_valid_number_is_read_in_both_spellings(examples: list[dict[str, str]]) -> None:
    valid = [each for each in examples if each["valid"] == "1"]
    assert len(valid) == 1_145
    for each in valid:
        region = None if each["region"] == NO_COUNTRY else each["region"]
        assert phone(each["international_format"]) == each["e164"], each
        assert phone(each["international_format"], region) == each["e164"], each
        assert phone(each["e164"], "NO") == each["e164"], each
        if region:
            assert phone(each["national_format"], region) == each["e164"], each


def test_the_quick_way_gives_what_the_library_gives(examples: list[dict[str, str]]) -> None:
    def library(raw: str, country: str | None) -> str | None:
        try:
            return phones._thoroughly.__wrapped__(raw, country)
        except phones.NoPhone:
            return None

    dice = random.Random(20_26)  # noqa: S311 - the same numbers in every run of the test
    quick = 0
    for each in examples:
        region = "NO" if each["region"] == NO_COUNTRY else each["region"]
        code = str(phonenumbers.country_code_for_region(region))
        digits = list(each["national_number"])
        for _ in range(4):
            prefix = dice.choice(
                ["", "0", "1", "8", code, f"00{code}", f"+{code}", f"+0{code}", f"+{code} (0)"]
            )
            raw = prefix + "".join(digits)
            found = phones._plainly(raw, region)
            quick += found is not None
            assert found is None or found == library(raw, region), (raw, region)
            digits[dice.randrange(len(digits))] = dice.choice("0123456789")
    assert quick > 1_500


def addresses(folder: Path) -> list[tuple[str, str, str]]:
    """(address, category, diagnosis); control characters are written as their symbols."""
    found = []
    for name in ("tests.xml", "tests-original.xml"):
        for test in ElementTree.parse(folder / name).getroot().findall("test"):  # noqa: S314 - known files
            written = test.findtext("address") or ""
            address = "".join(
                chr(ord(sign) - 0x2400) if 0x2400 <= ord(sign) <= 0x2420 else sign
                for sign in written
            )
            found.append(
                (address, test.findtext("category") or "", test.findtext("diagnosis") or "")
            )
    return found


def test_addresses_are_accepted_and_refused_by_their_category(shared_data: Path) -> None:
    cases = addresses(shared_data / "email-addresses" / "isemail")
    assert len(cases) == 164 + 279
    wrong = []
    for address, category, diagnosis in cases:
        try:
            email(address)
            accepted = True
        except BadValue:
            accepted = False
        if accepted != (category in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN")):
            wrong.append((address, category, diagnosis))
    assert wrong == []
