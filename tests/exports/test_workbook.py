"""XLSX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import python_calamine

from massadmin.exports.workbook import MAX_CELL_CHARS, write_workbook


def read(path: Path) -> list[Sequence[Sequence[object]]]:
    """Sheets of rows of cells."""
    book = python_calamine.CalamineWorkbook.from_path(path)
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def test_a_further_sheet_begins_with_the_header_when_one_is_full(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        rows = [[str(each)] for each in range(5)]
        write_workbook(file, ["N"], rows, [True], tmp_path, largest_sheet=3)
    assert read(path) == [[["N"], [0], [1]], [["N"], [2], [3]], [["N"], [4]]]
    assert [each.name for each in tmp_path.iterdir()] == ["a.xlsx"]


def test_no_rows_make_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        write_workbook(file, ["A", "B"], [], [False, False], tmp_path)
    assert read(path) == [[["A", "B"]]]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("12.50", 12.5),
        ("-3", -3),
        ("123456789012345", 123456789012345),
        ("1234567890123456", "1234567890123456"),
        ("0.12345678901234567", "0.12345678901234567"),
        ("twelve", "twelve"),
        ("NaN", "NaN"),
    ],
)
def test_numbers_are_numbers_unless_they_would_be_rounded(
    value: str, cell: object, tmp_path: Path
) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        write_workbook(file, ["N"], [[value]], [True], tmp_path)
    assert read(path)[0][1] == [cell]


def test_a_cell_holds_no_more_than_the_format_allows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        rows = [["x" * (MAX_CELL_CHARS + 1)], ["😀" * 20_000]]
        write_workbook(file, ["T"], rows, [False], tmp_path)
    found = read(path)[0]
    assert found[1:] == [["x" * MAX_CELL_CHARS], ["😀" * (MAX_CELL_CHARS // 2)]]
