"""What became of the rows, and the file of those to look at again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import Outcome, Policy, outcome
from massadmin.imports import outcome as count_outcome
from massadmin.runs.control import control
from massadmin.runs.execute import work_once
from tests.factories import a_user, contacts, finished, some_contacts
from tests.imports.files import (
    STAGED,
    cells_of,
    now,
    run_import,
    staged,
    staged_unknown,
    start_import,
)
from tests.reads import entries_read

pytestmark = pytest.mark.usefixtures("db_session")

LINES = (
    "Email,Phone,Notes",
    "p1@example.com,,=1+2",
    'new@x.com,mobile,"two\nlines"',
    "bad,,=cmd()",
    "new@x.com,,",
    "short",
    "one@x.com,+4721234567,many,too many",
)


def test_every_row_is_counted_once() -> None:
    some_contacts(1)
    run = run_import(a_user(), *LINES, tags=["fair"])
    assert count_outcome(run) == Outcome(rows=6, created=1, updated=1, skipped=1, failed=3, noted=1)


def test_until_it_has_ended_some_rows_are_in_none_of_the_counts() -> None:
    run = start_import(a_user(), *LINES)
    assert outcome(run) == Outcome(rows=6, created=0, updated=0, skipped=0, failed=0, noted=0)


def test_an_import_that_was_cancelled_is_counted_as_far_as_it_came() -> None:
    user = a_user()
    file = staged(user, *LINES)
    run = imports.start(file, contacts(), Policy(), user, largest_chunk=4)
    assert work_once(run.id)
    assert imports.keep_cancelled_outcomes() == 0
    control(run, "cancel", user)
    assert now(file).outcome is None
    assert imports.keep_cancelled_outcomes() == 1
    assert now(file).outcome == asdict(
        Outcome(6, created=2, updated=0, skipped=1, failed=1, noted=1)
    )
    assert imports.keep_cancelled_outcomes() == 0


def test_the_file_has_the_original_columns_line_and_reason() -> None:
    run = run_import(a_user(), *LINES)
    header, *records = cells_of(list(imports.error_lines(run)))
    assert header == ["Email", "Phone", "Notes", "line", "reason"]
    assert records[0] == [
        "new@x.com",
        "mobile",
        "two\nlines",
        "3",
        "Imported. Left out: Phone is not a possible phone number",
    ]
    assert records[1] == ["bad", "", "'=cmd()", "5", "E-mail is not a valid address"]
    assert records[2][:4] == ["short", "", "", "7"]
    assert "3 columns" in records[2][4]
    # What the row has too many of stands behind the reason.
    assert records[3][:4] == ["one@x.com", "+4721234567", "many", "8"]
    assert records[3][5:] == ["too many"]


def test_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from massadmin.imports.outcomes import error_lines

    monkeypatch.setattr("massadmin.imports.outcomes.ROWS_AT_ONCE", 3)
    run = run_import(a_user(), "Email,City", *(f"bad{number},Oslo" for number in range(10)))
    records = cells_of(list(error_lines(run)))
    assert [record[0] for record in records[1:]] == [f"bad{number}" for number in range(10)]


def test_the_corrected_file_can_be_imported_again() -> None:
    admin = a_user()
    run = run_import(admin, "Email,City", "bad,Oslo", "a@x.com,Rome")
    lines = b"".join(imports.error_lines(run)).decode("utf-8-sig").replace("bad", "good@x.com")
    again = run_import(admin, *lines.split("\r\n"))
    assert outcome(again).created == 1


def test_no_file_is_written_when_nothing_went_wrong(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    assert imports.write_errors(run_import(a_user(), "Email", "a@x.com"), path) == 0
    assert not path.exists()
    run = finished(start_import(a_user("manager"), "Email,City", "bad,Oslo"))
    assert imports.write_errors(run, path) == 1
    assert path.read_bytes().startswith(b"\xef\xbb\xbfEmail,City,line,reason\r\n")


def test_each_row_is_read_a_few_times_of_a_file_that_nobody_analyzed() -> None:
    user = a_user()
    file = staged_unknown(user, *("Email", *(f"bad {n}" for n in range(2_000))))
    run = run_import(user, file=file)
    with entries_read(*STAGED) as read:
        assert len(cells_of(list(imports.error_lines(run)))) == 2_001
        db.session.rollback()
    assert read.count < 10 * 2_000
