from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massadmin.tabular import defuse, restore

SIGNS = "=+-@\t\r\n＝＋－＠'\"` 0123456789.,\u200b\ufeffa"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\u200b=1",
        '"=1',
        "'=1",
        "＝1",
        "＋1",
        "－1",
        "＠a",
        "-",
        "+47 123 45 678",
        "-1e5",
        "+1-800-FLOWERS",
        "- a note",
    ],
)
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert defuse(text) == "'" + text
    assert restore(defuse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "a=1", "-12.5", "-12,5", "-0", "+4712345678", "1+1", "O'Brien", "'quoted'", "'tis"],
)
def test_everything_else_is_left_alone(text: str) -> None:
    assert defuse(text) == text
    assert restore(text) == text


@given(st.text() | st.text(st.sampled_from(SIGNS), max_size=8))
def test_restore_is_the_inverse(text: str) -> None:
    assert restore(defuse(text)) == text


@given(st.text(st.sampled_from(SIGNS), max_size=8))
def test_nothing_is_left_that_could_run(text: str) -> None:
    safe = defuse(text).strip(" \"'`\u200b\ufeff")
    if defuse(text) == text and safe[:1] in tuple("=+-@＝＋－＠"):
        assert safe == text
        float(safe.replace(",", "."))


def test_naughty_strings_survive(shared_data: Path) -> None:
    strings = json.loads((shared_data / "names" / "blns" / "blns.json").read_text("utf-8"))
    assert len(strings) > 500
    assert [restore(defuse(text)) for text in strings] == strings
