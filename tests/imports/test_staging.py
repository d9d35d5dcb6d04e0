"""Staging: the rows of a file, as text, in the database."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import func, select

from massadmin import imports
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.imports.models import ImportFile, ImportRow
from massadmin.imports.staging import copy_rows, drop_rows, limits_of
from massadmin.runs.start import NotAllowed
from massadmin.tabular import BadEncoding, EmptyFile, Limits, NotATable, OverLimit, Row
from tests.factories import a_user, contacts
from tests.imports.files import csv_file, staged

pytestmark = pytest.mark.usefixtures("db_session")


def rows_of(file: ImportFile) -> list[tuple[int, list[str], str | None]]:
    return [
        (row.line, row.cells, row.problem)
        for row in db.session.scalars(
            select(ImportRow).where(ImportRow.file_id == file.id).order_by(ImportRow.line)
        )
    ]


def staged_rows() -> int:
    return db.session.scalar(select(func.count()).select_from(ImportRow)) or 0


def test_rows_are_kept_as_text_with_their_lines() -> None:
    file = staged(a_user(), "Email,Code", "a@x.com,007", "", "b@x.com,1.50")
    assert rows_of(file) == [(2, ["a@x.com", "007"], None), (4, ["b@x.com", "1.50"], None)]
    assert (file.rows, file.columns, file.filename) == (2, ("Email", "Code"), "people.csv")
    assert file.dialect.has_header
    assert file.mapping == ["email", None]


def test_a_row_with_something_wrong_is_kept_with_the_reason() -> None:
    file = staged(a_user(), "Email,City", "a@x.com,Oslo", "b@x.com", "c@x.com,Rome,Lazio")
    problems = [problem for _, _, problem in rows_of(file)]
    assert problems[0] is None
    assert "1 cells" in str(problems[1])
    assert "3 cells" in str(problems[2])
    assert rows_of(file)[2][1] == ["c@x.com", "Rome", "Lazio"]


@pytest.mark.parametrize(
    "cell",
    [
        'back\\slash "quoted" {brace}, comma',
        "tab\tand\r\nline\nends\\n",
        "\\N",
        "\\.",
        "NULL",
        "\x1f unit \x1e record",
        "𝔘𝔫𝔦 ⁰⁴⁵ 👾 שלום",
        " spaces ",
    ],
)
def test_any_text_survives(cell: str) -> None:
    rows = iter([Row(2, [cell, ""]), Row(3, ["plain", cell])])
    assert copy_rows(77, rows) == 2
    stored = list(
        db.session.scalars(
            select(ImportRow.cells).where(ImportRow.file_id == 77).order_by(ImportRow.line)
        )
    )
    assert stored == [[cell, ""], ["plain", cell]]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    strategies.lists(
        strategies.lists(
            strategies.text(
                strategies.characters(exclude_characters="\0", exclude_categories=["Cs"])
            ),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_copy_gives_back_what_it_was_given(cells: list[list[str]]) -> None:
    copy_rows(78, iter([Row(line, row) for line, row in enumerate(cells, 1)]))
    stored = list(
        db.session.scalars(
            select(ImportRow.cells).where(ImportRow.file_id == 78).order_by(ImportRow.line)
        )
    )
    db.session.rollback()
    assert stored == cells


def test_memory_does_not_grow_with_the_file() -> None:
    def rows(count: int) -> Iterator[Row]:
        for line in range(1, count + 1):
            yield Row(line, [f"person{line}@example.com", "x" * 200])

    copy_rows(80, rows(2_000))
    tracemalloc.start()
    copy_rows(79, rows(20_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert staged_rows() == 22_000
    assert peak < 3_000_000


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyFile),
        (b"\n\n \n", EmptyFile),
        (b"%PDF-1.7 nothing to see", NotATable),
        (b"\xfe\xff\x00\x00\x00a\x00\x00\x00,\x00\x00\x00b\x00\x00\x00\n" * 3, BadEncoding),
    ],
)
def test_what_cannot_be_read_leaves_nothing_behind(content: bytes, error: type) -> None:
    user = a_user()
    with pytest.raises(error):
        imports.stage(io.BytesIO(content), "x.csv", contacts(), user)
    assert db.session.scalar(select(func.count()).select_from(ImportFile)) == 0


def test_a_limit_passed_in_the_middle_leaves_nothing_behind() -> None:
    user = a_user()
    lines = ["Email", *(f"p{number}@x.com" for number in range(2_000)), "x" * 500 + "@x.com"]
    with pytest.raises(OverLimit, match="400"):
        imports.stage(csv_file(*lines), "x.csv", contacts(), user, limits=Limits(cell_chars=400))
    assert staged_rows() == 0
    assert db.session.scalar(select(func.count()).select_from(ImportFile)) == 0


def test_a_header_without_rows_is_a_file_of_no_rows() -> None:
    assert staged(a_user(), "Email,City").rows == 0


def test_the_caller_may_know_the_dialect_better(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("Zoë|Oslo\nJosé|Rome\n".encode("cp1252"))
    file = imports.stage(
        path, "names.txt", contacts(), a_user(), encoding="cp1252", delimiter="|", has_header=False
    )
    assert [cells for _, cells, _ in rows_of(file)] == [["Zoë", "Oslo"], ["José", "Rome"]]
    assert file.size == path.stat().st_size


def test_restaging_replaces_the_rows() -> None:
    user, content = a_user(), b"Email;City\na@x.com;Oslo\nb@x.com;Rome\n"
    file = imports.stage(io.BytesIO(content), "x.csv", contacts(), user, delimiter=",")
    assert file.columns == ("Email;City",)
    again = imports.restage(file, io.BytesIO(content), contacts(), user, delimiter=";")
    assert again.columns == ("Email", "City")
    assert again.mapping == ["email", "city"]
    assert [cells for _, cells, _ in rows_of(again)] == [["a@x.com", "Oslo"], ["b@x.com", "Rome"]]


def test_restaging_that_fails_keeps_what_was_read_before() -> None:
    user = a_user()
    file = staged(user, "Email,City", "a@x.com,Oslo")
    with pytest.raises(OverLimit):
        imports.restage(
            file, csv_file("Email,City", "b@x.com,Rome"), contacts(), user, limits=Limits(columns=1)
        )
    assert rows_of(file) == [(2, ["a@x.com", "Oslo"], None)]


def test_who_may_not_import_is_refused() -> None:
    with pytest.raises(NotAllowed):
        staged(a_user("support_lead"), "Email", "a@x.com")
    assert staged_rows() == 0


def test_rows_of_one_file_are_dropped_alone() -> None:
    user = a_user()
    first, second = staged(user, "Email", "a@x.com"), staged(user, "Email", "b@x.com")
    drop_rows(first.id)
    assert rows_of(first) == []
    assert len(rows_of(second)) == 1


def test_the_settings_give_the_limits() -> None:
    limits = limits_of(Settings.from_env({}, max_upload_mb=2, max_columns=5, max_cell_chars=7))
    assert (limits.bytes, limits.columns, limits.cell_chars) == (2 * 1024 * 1024, 5, 7)
