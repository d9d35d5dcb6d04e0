"""Values: text made into what a field stores, or refused in a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massadmin.records.fields import Field
from massadmin.records.values import BadValue, parse, to_json, whole_number

TEXT = Field("city", "City", "text")
EMAIL = Field("email", "E-mail", "email")
PHONE = Field("phone", "Phone", "phone")
NUMBER = Field("custom.score", "Score", "number")
DATE = Field("custom.met", "Met", "date")
TIME = Field("last_activity_at", "Last activity", "datetime")
FLAG = Field("dnd_sms", "No SMS", "boolean")
SIZE = Field("custom.size", "Size", "choice", choices=("S", "M"))
OWNER = Field("owner_id", "Owner", "user")
STATUS = Field("status", "Status", "choice", choices=("Lead",), open_choices=True)


@given(st.text(st.characters(blacklist_characters="\x00", codec="utf-8"), max_size=200))
def test_text_is_kept_to_the_letter(raw: str) -> None:
    assert parse(TEXT, raw) == (raw or None)


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        (EMAIL, " Ann.Lee@EXAMPLE.com ", "Ann.Lee@example.com"),
        (EMAIL, "   ", None),
        (PHONE, "+47 21 23 45 67", "+4721234567"),
        (NUMBER, "1,234.5", Decimal("1234.5")),
        (NUMBER, "-3,5", Decimal("-3.5")),
        (DATE, "2026-03-31", date(2026, 3, 31)),
        (DATE, "31.03.2026", date(2026, 3, 31)),
        (DATE, "3/31/2026", date(2026, 3, 31)),
        (TIME, "2026-03-31T10:00:00+02:00", datetime(2026, 3, 31, 8, tzinfo=UTC)),
        (TIME, "2026-03-31", datetime(2026, 3, 30, 22, tzinfo=UTC)),
        (FLAG, "Yes", True),
        (FLAG, "0", False),
        (SIZE, "m", "M"),
        (STATUS, "lead", "Lead"),
        (STATUS, "unreachable", "unreachable"),
    ],
)
def test_what_is_understood(field: Field, raw: str, value: Any) -> None:
    assert parse(field, raw, zone="Europe/Oslo") == value


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        (TEXT, "a\x00b"),
        (TEXT, "x" * 32_769),
        (EMAIL, "ann@"),
        (EMAIL, "ann lee@example.com"),
        (PHONE, "21 23 45 67"),
        (PHONE, "hello"),
        (NUMBER, "twelve"),
        (NUMBER, "NaN"),
        (NUMBER, "1e400"),
        (NUMBER, "1e999999999"),
        (NUMBER, "1e-999999"),
        (NUMBER, "9" * 5_000),
        (NUMBER, "0." + "1" * 20_000),
        (DATE, "2026-02-30"),
        (TIME, "soon"),
        (TIME, "0001-01-01T00:00+14:00"),
        (TIME, "9999-12-31T23:59-12:00"),
        (OWNER, "9" * 5_000),
        (OWNER, str(2**31)),
        (FLAG, "perhaps"),
        (SIZE, "XL"),
    ],
)
def test_what_is_refused(field: Field, raw: str) -> None:
    with pytest.raises(BadValue) as refused:
        parse(field, raw)
    assert str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("raw", ["", "-1", "+1", "1.0", "1e3", "²", str(2**63), "9" * 5_000])
def test_what_is_no_whole_number(raw: str) -> None:
    assert whole_number(raw) is None


def test_whole_numbers_are_read_up_to_the_largest() -> None:
    assert whole_number("0") == 0
    assert whole_number(str(2**63 - 1)) == 2**63 - 1
    assert whole_number("11", 10) is None
    assert whole_number("10", 10) == 10


def test_a_national_number_needs_a_country() -> None:
    assert parse(PHONE, "(415) 555-2671", country="US") == "+14155552671"
    with pytest.raises(BadValue, match="country code"):
        parse(PHONE, "(415) 555-2671")


def test_json_keeps_numbers_numbers() -> None:
    assert to_json(Decimal("3")) == 3
    assert to_json(Decimal("2.5")) == 2.5
    assert to_json(date(2026, 1, 2)) == "2026-01-02"
