"""How long staged files are kept."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import func, select, text

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.keeping import drop_file, drop_old_files, sweep
from massadmin.imports.models import ImportDuplicate, ImportFile, ImportRow
from massadmin.runs.models import Run
from tests.factories import a_user, contacts
from tests.imports.files import STAGED, run_import, staged, staged_unknown, start_import
from tests.reads import entries_read

pytestmark = pytest.mark.usefixtures("db_session")


MANY = ("Email", *(f"p{number % 1_000}@x.com" for number in range(2_000)))


def kept() -> list[int]:
    return list(db.session.scalars(select(ImportFile.id).order_by(ImportFile.id)))


def test_unused_files_go_after_a_week() -> None:
    user = a_user()
    content = b"Email\na@x.com\n"
    name = uploads.keep(io.BytesIO(content))
    old = imports.stage(io.BytesIO(content), "a.csv", contacts(), user, upload=name)
    new = staged(user, "Email", "a@x.com")
    db.session.execute(
        text("UPDATE import_files SET created_at = now() - interval '8 days' WHERE id = :id"),
        {"id": old.id},
    )
    db.session.commit()
    assert drop_old_files() == 1
    assert kept() == [new.id]
    assert db.session.scalar(select(func.count()).select_from(ImportRow)) == 1
    assert uploads.path_of(name) is None
    assert drop_old_files() == 0


def test_a_file_that_is_under_way_is_not_unused() -> None:
    user = a_user()
    file = staged(user, "Email", "a@x.com")
    imports.leave_unstarted(file, contacts(), imports.Policy(), user)
    db.session.execute(text("UPDATE import_files SET created_at = now() - interval '8 days'"))
    db.session.commit()
    assert drop_old_files() == 0
    imports.call_off(file)
    assert drop_old_files() == 1


def test_imported_files_go_a_month_after_their_run_ended() -> None:
    user = a_user()
    run_import(user, "Email", "a@x.com", "a@x.com")
    running = start_import(user, "Email", "b@x.com")
    ended = run_import(user, "Email", "c@x.com", "c@x.com")
    ids = kept()
    db.session.execute(text("UPDATE import_files SET created_at = now() - interval '90 days'"))
    db.session.execute(
        text("UPDATE runs SET finished_at = now() - interval '31 days' WHERE id = :id"),
        {"id": ended.id},
    )
    db.session.commit()
    assert drop_old_files() == 1
    assert kept() == ids[:2]
    assert db.session.scalar(select(func.count()).select_from(ImportDuplicate)) == 1
    assert db.session.get(Run, running.id)
    # What failed can still be listed, without the cells.
    assert b"".join(imports.error_lines(ended)).count(b"\n") == 1


def test_an_imported_file_is_not_discarded() -> None:
    user = a_user()
    run = start_import(user, "Email", "a@x.com")
    (file_id,) = kept()
    assert not drop_file(file_id)
    assert kept() == [file_id]
    new = staged(user, "Email", "a@x.com")
    assert drop_file(new.id)
    assert not drop_file(new.id)
    assert db.session.get(Run, run.id)


@pytest.mark.parametrize("count", [8, 9, 10])
def test_rows_of_a_dropped_file_are_swept_some_at_a_time(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("massadmin.imports.keeping.ROWS_AT_ONCE", 3)
    user = a_user()
    other = staged(user, "Email", "a@x.com")
    files = [staged(user, "Email", *(f"p{n}@x.com" for n in range(count))) for _ in range(2)]
    for each in files:
        db.session.add(ImportDuplicate(file_id=each.id, line=3, first_line=2))
    db.session.commit()
    for each in files:
        drop_file(each.id)
    assert kept() == [other.id]
    assert sweep() == 2 * (count + 1)
    assert sweep() == 0
    for model, left in ((ImportRow, 1), (ImportDuplicate, 0)):
        assert db.session.scalar(select(func.count()).select_from(model)) == left


def test_sweeping_reads_each_row_a_few_times_of_a_file_that_nobody_analyzed() -> None:
    file = staged_unknown(a_user(), *MANY)
    rows = file.rows
    with entries_read(*STAGED) as read:
        drop_file(file.id)
        sweep()
    assert read.count < 10 * rows
