"""Reading rows into values."""

from __future__ import annotations

from typing import Any

import pytest

from massadmin.imports.policy import Policy
from massadmin.imports.reading import EMPTY_ROW, Reader, Reading
from massadmin.records.fields import Field
from massadmin.records.modules import MODULES, Module
from massadmin.records.values import MAX_TEXT_CHARS


def a_module() -> Module:
    from dataclasses import replace

    return replace(
        MODULES["contacts"],
        custom_fields=(
            Field("custom.score", "Score", "number"),
            Field("custom.born", "Born", "date"),
            Field("custom.size", "Size", "choice", choices=("Small", "Large")),
        ),
    )


def reader(*mapping: str | None, columns: tuple[str, ...] = (), **policy: Any) -> Reader:
    names = columns or tuple(f"Column {number}" for number in range(1, len(mapping) + 1))
    chosen = Policy(**{"match": None, **policy})
    return Reader(a_module(), names, mapping, chosen, owners={"ada@x.com": 7})


def values(found: Reader, reading: Reading) -> dict[str, Any]:
    pairs = zip(found.fields, reading.values, strict=True)
    return {field.key: value for field, value in pairs if value is not None}


def read(cells: list[str], *mapping: str | None, **options: Any) -> tuple[dict[str, Any], Reading]:
    found = reader(*mapping, **options)
    (reading,) = found.read([(2, cells, None)])
    return values(found, reading), reading


def test_values_of_every_type() -> None:
    got, reading = read(
        ["Ada ", "ADA@X.COM", "+47 21 23 45 67", "lead", "yes", "1,200.5", "31.12.1999", "small"],
        "first_name", "email", "phone", "status", "dnd_email", "custom.score", "custom.born",
        "custom.size",
    )  # fmt: skip
    assert got == {
        "first_name": "Ada ",
        "email": "ADA@x.com",
        "phone": "+4721234567",
        "status": "Lead",
        "dnd_email": True,
        "custom.score": 1200.5,
        "custom.born": "1999-12-31",
        "custom.size": "Small",
    }
    assert (reading.outcome, reading.reason) == ("", None)


def test_a_cell_that_cannot_be_kept_is_left_out_with_a_note() -> None:
    got, reading = read(
        ["Ada", "mobile", "soon", "Huge", "nobody@x.com", "x" * (MAX_TEXT_CHARS + 1)],
        "first_name", "phone", "custom.born", "custom.size", "owner_id", "city",
    )  # fmt: skip
    assert got == {"first_name": "Ada"}
    assert reading.outcome == ""
    assert reading.reason == (
        "Left out: Phone is not a possible phone number; "
        "Born is not a date; Size is none of its choices; Owner is no active user; "
        f"City is longer than {MAX_TEXT_CHARS:,} characters"
    )
    assert len(reading.left_out) == 5


def test_a_row_of_which_nothing_can_be_kept_fails() -> None:
    _, reading = read(["mobile", ""], "phone", "city")
    assert reading.outcome == "failed"


def test_an_empty_row_is_skipped() -> None:
    for match in (None, "email"):
        _, reading = read(["", "", "unmapped"], "email", "city", None, match=match)
        assert (reading.outcome, reading.reason) == ("skipped", EMPTY_ROW)


def test_a_problem_of_the_row_fails_it() -> None:
    good, bad = reader("city").read([(2, ["Rome"], None), (3, ["Oslo"], "two cells too many")])
    assert (good.outcome, good.values) == ("", ("Rome",))
    assert (bad.line, bad.outcome, bad.reason) == (3, "failed", "Two cells too many")


def test_the_match_value_must_be_there_and_valid() -> None:
    _, missing = read(["", "Oslo"], "email", "city", match="email")
    assert (missing.outcome, missing.reason) == ("failed", "No e-mail, by which rows are matched")
    _, wrong = read(["nobody", "Oslo"], "email", "city", match="email")
    assert (wrong.outcome, wrong.reason) == ("failed", "E-mail is not a valid address")
    _, good = read(["Ada@X.com", "Oslo"], "email", "city", match="email")
    assert (good.outcome, good.key) == ("", "Ada@x.com")


def test_matching_on_id_a_row_without_one_is_new() -> None:
    _, new = read(["", "Oslo"], "id", "city", match="id")
    assert (new.outcome, new.key) == ("", None)
    _, known = read(["17", "Oslo"], "id", "city", match="id")
    assert known.key == "17"
    _, wrong = read(["001x0", "Oslo"], "id", "city", match="id")
    assert (wrong.outcome, wrong.reason) == ("failed", "ID is not a number")


def test_where_no_column_holds_the_match_field_nothing_matches() -> None:
    found = reader("city", match="email")
    assert not found.matches
    assert found.read([(2, ["Oslo"], None)])[0].outcome == ""


def test_a_phone_number_without_country_code() -> None:
    got, _ = read(["(415) 901-7000"], "phone", country="US")
    assert got == {"phone": "+14159017000"}
    got, _ = read(["020 7946 0018", "United Kingdom"], "phone", "country")
    assert got["phone"] == "+442079460018"
    got, reading = read(["020 7946 0018", "Elsewhere"], "phone", "country")
    assert "phone" not in got
    assert reading.reason


def test_several_values_in_one_cell() -> None:
    got, _ = read(
        ["a@x.com ::: b@x.com", "+4721234567 ::: +4721234568", "Oslo ::: Rome", "A ::: B"],
        "email", "phone", "city", "company_name",
        columns=("E-mail 1 - Value", "Phone 1 - Value", "Address 1 - City", "Company"),
    )  # fmt: skip
    assert got["email"] == "a@x.com"
    assert got["phone"] == "+4721234567"
    assert got["city"] == "Oslo"
    assert got["company_name"] == "A ::: B"


def test_tags_are_comma_separated() -> None:
    _, reading = read(["vip, 2026,VIP"], "tags")
    assert reading.tags == ("vip", "2026")
    _, reading = read(["* My Contacts ::: Test"], "tags")
    assert reading.tags == ("My Contacts", "Test")
    _, reading = read(["x" * 65, "Oslo"], "tags", "city")
    assert reading.tags == ()
    assert "Tags" in str(reading.reason)


def test_a_full_name_fills_first_and_last_where_they_are_empty() -> None:
    assert read(["Ada Lovelace"], "name")[0] == {"first_name": "Ada", "last_name": "Lovelace"}
    got, _ = read(["Ada Lovelace", "Augusta"], "name", "first_name")
    assert got == {"first_name": "Augusta", "last_name": "Lovelace"}


def test_of_several_columns_of_one_field_the_first_filled_counts() -> None:
    got, _ = read(["", " ", "+4721234567", "+4721234568"], "phone", "phone", "phone", "phone")
    assert got == {"phone": "+4721234567"}


def test_blanks_stay_unless_asked_otherwise() -> None:
    assert read([" Ada "], "first_name")[0] == {"first_name": " Ada "}
    assert read([" Ada "], "first_name", trim=True)[0] == {"first_name": "Ada"}
    assert read(["  "], "first_name", trim=True)[1].outcome == "skipped"


def test_keys_are_the_match_values_alone() -> None:
    found = reader("city", "email", match="email")
    rows = [["Oslo", "A@X.com ::: b@x.com"], ["Oslo", "nobody"], ["Oslo", ""]]
    assert found.keys(rows) == ["A@x.com", None, None]
    assert found.key_columns == [1]
    by_phone = reader("phone", "country", match="phone")
    assert by_phone.key_columns == [0, 1]
    assert by_phone.keys([{0: "020 7946 0018", 1: "GB"}]) == ["+442079460018"]
    assert reader("id", "city", match="id").keys([["17", "Oslo"], ["x", "Rome"]]) == ["17", None]


def test_rows_of_a_block_do_not_mix() -> None:
    found = reader("email", "phone", "tags", "name", match="email")
    block = [
        (2, ["a@x.com", "mobile", "vip", "Ada Lovelace"], None),
        (3, ["b@x.com", "+4721234567", "", "Bob"], None),
        (4, ["", "", "", ""], None),
        (5, ["a@x.com", "mobile", "vip", ""], None),
    ]
    rows = found.read(block)
    assert [each.line for each in rows] == [2, 3, 4, 5]
    assert [each.key for each in rows] == ["a@x.com", "b@x.com", None, "a@x.com"]
    assert [each.tags for each in rows] == [("vip",), (), (), ("vip",)]
    assert [each.left_out for each in rows] == [(1,), (), (), (1,)]
    assert [each.outcome for each in rows] == ["", "", "skipped", ""]
    assert values(found, rows[1]) == {
        "email": "b@x.com",
        "phone": "+4721234567",
        "first_name": "Bob",
    }


@pytest.mark.parametrize("cells", [["ada@x.com"], ["Ada@x.com"]])
def test_an_owner_is_named_by_email(cells: list[str]) -> None:
    assert read([*cells, "Oslo"], "owner_id", "city")[0]["owner_id"] == 7
