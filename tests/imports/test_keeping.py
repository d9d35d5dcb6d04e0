"""How long staged files are kept."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import func, select, text

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.keeping import drop_file, drop_old_files
from massadmin.imports.models import ImportDuplicate, ImportFile, ImportRow
from massadmin.runs.models import Run
from tests.factories import a_user, contacts
from tests.imports.files import run_import, staged, start_import

pytestmark = pytest.mark.usefixtures("db_session")


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


def test_rows_are_dropped_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("massadmin.imports.keeping.ROWS_AT_ONCE", 3)
    user = a_user()
    file = staged(user, "Email", *(f"p{number}@x.com" for number in range(10)))
    other = staged(user, "Email", "a@x.com")
    drop_file(file.id)
    assert kept() == [other.id]
    assert db.session.scalar(select(func.count()).select_from(ImportRow)) == 1
