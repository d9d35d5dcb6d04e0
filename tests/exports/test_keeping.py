"""How long exported files are kept, and for whom."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import select, text

from massadmin.actions.export import Export
from massadmin.auth.models import AuditEntry
from massadmin.exports.keeping import expire, file_of, may_download
from massadmin.exports.parts import folder
from massadmin.extensions import db
from massadmin.runs import files
from massadmin.runs.control import control
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run
from tests.factories import a_user, finished, fresh, run_action, some_contacts, start_action

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files for this test alone."""
    monkeypatch.setattr(files, "root", lambda: tmp_path / "files")
    return tmp_path / "files"


def age(run: Run, days: float) -> None:
    db.session.execute(
        text("UPDATE runs SET finished_at = now() - make_interval(hours => :h) WHERE id = :id"),
        {"h": int(days * 24), "id": run.id},
    )
    db.session.commit()


def test_it_is_for_its_owner_and_for_admins_who_may_export() -> None:
    admin, manager, other = a_user(), a_user("manager"), a_user("manager", "Other")
    some_contacts(1)
    run = run_action("export", manager, columns="email", format="csv")
    assert may_download(run, manager)
    assert may_download(run, admin)
    assert not may_download(run, other)
    manager.role = "member"
    assert not may_download(run, manager)
    admin.active = False
    assert not may_download(run, admin)


def test_old_files_go_and_young_ones_stay() -> None:
    admin = a_user()
    some_contacts(1)
    old, young = [run_action("export", admin, columns="id", format="csv") for _ in range(2)]
    age(old, 30.1)
    age(young, 29.9)
    assert expire(30) == 1
    assert file_of(old) is None
    assert file_of(young) is not None
    assert not folder(old.id, old.params).exists()
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "export.expired"))
    assert entry.subject == f"run:{old.id}"
    assert expire(30) == 0


def test_parts_of_a_cancelled_export_go_and_those_of_a_going_one_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Export, "chunk_size", 100)
    admin = a_user()
    some_contacts(150)
    runs = [start_action("export", admin, columns="id", format="csv") for _ in range(2)]
    for run in runs:
        work_once(run.id)
    control(fresh(runs[0]), "cancel", admin)
    assert expire(30) == 1
    assert not folder(runs[0].id, runs[0].params).exists()
    assert list(folder(runs[1].id, runs[1].params).glob("*.part"))


def test_folders_of_no_run_here_go_when_they_are_old_and_other_things_never(
    own_folder: Path,
) -> None:
    assert expire(30) == 0
    names = ("notes", "7-0123456789abcdef", "8-0123456789abcdef")
    for name in names:
        (own_folder / "exports" / name).mkdir(parents=True)
    long_ago = time.time() - 31 * 86_400
    for name in names[:2]:
        os.utime(own_folder / "exports" / name, (long_ago, long_ago))
    assert expire(30) == 1
    left = sorted(each.name for each in (own_folder / "exports").iterdir())
    assert left == ["8-0123456789abcdef", "notes"]


def test_a_folder_of_another_database_is_never_taken_for_ones_own(own_folder: Path) -> None:
    admin = a_user()
    some_contacts(1)
    run = start_action("export", admin, columns="id", format="csv")
    other = folder(run.id, {**run.params, "word": "0" * 16})
    other.mkdir(parents=True)
    (other / "0-1-5.part").write_text("stale\n")
    run = finished(run)
    assert run.state == "completed"
    assert (other / "0-1-5.part").exists()


def test_there_is_no_file_before_it_is_finished() -> None:
    admin = a_user()
    some_contacts(1)
    run = start_action("export", admin, columns="id", format="csv")
    assert file_of(run) is None
