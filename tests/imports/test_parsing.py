"""Columns of cells made into values."""

from __future__ import annotations

from typing import Any

import pytest

from massadmin.imports import parsing
from massadmin.imports.parsing import FieldParser, first_of
from massadmin.records.fields import Field
from massadmin.records.modules import MODULES
from massadmin.records.values import MAX_TEXT_CHARS


def parser(key: str, **options: Any) -> FieldParser:
    return FieldParser(MODULES["contacts"].field(key), **options)


def test_each_different_cell_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def parse(field: Field, raw: str, **_: object) -> str:
        asked.append(raw)
        return field.choices[0]

    monkeypatch.setattr(parsing, "parse", parse)
    values, notes = parser("status").column(["Lead"] * 500 + ["Customer"] * 500)
    assert sorted(asked) == ["Customer", "Lead"]
    assert len(values) == 1_000
    assert notes == {}


def test_text_is_kept_to_the_letter_and_empty_is_none() -> None:
    assert parser("city").column([" Oslo ", "", "\u2028"]) == ([" Oslo ", None, "\u2028"], {})
    assert parser("city", trim=True).column([" Oslo ", "  "]) == (["Oslo", None], {})
    assert parser("city", several=True).column(["Oslo ::: Rome"]) == (["Oslo"], {})


def test_what_is_wrong_is_noted_at_its_row() -> None:
    values, notes = parser("email").column(["a@x.com", "nobody", "", "nobody"])
    assert values == ["a@x.com", None, None, None]
    assert notes == {1: "E-mail is not a valid address", 3: "E-mail is not a valid address"}
    long = "x" * (MAX_TEXT_CHARS + 1)
    values, notes = parser("city").column(["Oslo", long])
    assert values == ["Oslo", None]
    assert notes == {1: "City is longer than 32,768 characters"}


def test_a_phone_number_is_of_its_rows_country_unless_one_was_chosen() -> None:
    raws, countries = ["020 7946 0018", "21 23 45 67", "21 23 45 67"], ["UK", "Norway", ""]
    values, notes = parser("phone").column(raws, countries)
    assert values == ["+442079460018", "+4721234567", None]
    assert notes == {2: "Phone is not a phone number with its country code"}
    values, _ = parser("phone", country="NO").column(raws[1:], countries[1:])
    assert values == ["+4721234567", "+4721234567"]
    assert parser("phone").column(["", "+4721234567"], ["", ""])[0] == [None, "+4721234567"]


def test_other_types() -> None:
    assert parser("dnd_sms").column(["yes", "0", "maybe", ""]) == (
        [True, False, None, None],
        {2: "No SMS is neither yes nor no"},
    )
    assert parser("time_zone").column(["Europe/Oslo", "Mars/Base"]) == (
        ["Europe/Oslo", None],
        {1: "Time zone is no known zone"},
    )
    assert parser("owner_id", owners={"ada@x.com": 7}).column([" Ada@X.com", "bob"]) == (
        [7, None],
        {1: "Owner is no active user"},
    )
    moment = parser("last_activity_at", zone="Europe/Oslo").column(["2026-01-02 12:00"])[0]
    assert moment == ["2026-01-02T11:00:00+00:00"]
    score = FieldParser(Field("custom.score", "Score", "number"))
    assert score.column(["1,200.50", "many"]) == ([1200.5, None], {1: "Score is not a number"})


def test_first_of() -> None:
    assert first_of("a ::: b") == "a"
    assert first_of(" a:::b ") == "a:::b"
