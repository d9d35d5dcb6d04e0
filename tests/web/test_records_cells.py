"""Cells of a list and of a record: each type as it is read, and nothing that is not escaped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from massadmin.records.fields import Field, FieldType
from massadmin.web.records import cells
from tests.factories import a_user, some_contacts
from tests.web.conftest import SignIn

NAMES = {7: "Ada <Lovelace>"}


def shown(kind: FieldType, value: Any, key: str = "x") -> str:
    return str(cells.whole(Field(key, "X", kind), value, NAMES))


@pytest.mark.parametrize(
    ("kind", "value", "markup"),
    [
        ("text", "a <b>", "a &lt;b&gt;"),
        ("text", None, ""),
        ("number", Decimal("1.50"), "1.5"),
        ("number", Decimal("1E+3"), "1000"),
        ("user", 7, "Ada &lt;Lovelace&gt;"),
        ("user", 8, "User 8"),
        ("boolean", False, '<span class="muted">No</span>'),
        ("date", date(2026, 3, 1), '<time datetime="2026-03-01">1 Mar 2026</time>'),
        ("tags", [], ""),
    ],
)
def test_values_are_read_in_their_type(kind: FieldType, value: object, markup: str) -> None:
    assert shown(kind, value) == markup


def test_tags_beyond_the_first_are_counted_in_a_list_and_all_told_of_a_record() -> None:
    names = ["a", "b<", "c", "d", "e&"]
    in_list = cells._tags(names, cells.SHOWN_TAGS)
    assert in_list.count('class="tag"') == 3
    assert 'title="b&lt;">b&lt;</span>' in in_list
    assert 'title="d, e&amp;">+2</span>' in in_list
    assert shown("tags", names).count('class="tag"') == 5


def test_a_status_is_a_chip_and_others_words_are_neutral() -> None:
    assert 'class="chip chip-good"' in cells.status("Customer")
    strange = cells.status("<i>")
    assert 'class="chip chip-neutral"' in strange
    assert "&lt;i&gt;" in strange


@pytest.mark.usefixtures("db_session")
def test_a_row_leads_to_its_record_and_times_are_in_the_readers_zone(signed_in: SignIn) -> None:
    ada = a_user(timezone="Asia/Tokyo", preferences={"columns.contacts": ["city", "created_at"]})
    at = datetime(2026, 3, 31, 20, 30, tzinfo=UTC)
    (one,) = some_contacts(1, city="Oslo", created_at=at)
    html = signed_in(ada).get("/contacts").text
    assert f'<a class="row-link" href="/contacts/{one}"><span>Oslo</span></a>' in html
    assert ">1 Apr 2026, 05:30</time>" in html
