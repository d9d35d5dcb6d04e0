"""Export, from the form to the finished file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from sqlalchemy import text, update
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.exports import parts
from massadmin.exports.parts import finished_file, folder
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.modules import CustomField
from massadmin.runs import files
from massadmin.runs.action import BadParams, get_action
from massadmin.runs.chunk import Chunk
from massadmin.runs.control import control
from massadmin.runs.execute import drain, work_once
from massadmin.runs.models import RunChunk
from massadmin.runs.preview import preview
from tests.factories import (
    a_user,
    audience,
    contacts,
    finished,
    fresh,
    reasons,
    run_action,
    some_contacts,
    start_action,
    tally,
)

pytestmark = pytest.mark.usefixtures("db_session", "own_folder")


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files for this test alone."""
    monkeypatch.setattr(files, "root", lambda: tmp_path)
    return tmp_path


def exported(user: User, *conditions: str, **params: Any) -> list[list[str]]:
    """The rows of a CSV export, header first."""
    run = run_action("export", user, *conditions, **params)
    assert run.state == "completed"
    content = finished_file(run.id, run.params).read_bytes().decode()
    return list(csv.reader(io.StringIO(content, newline="")))


def test_it_writes_the_chosen_columns_in_their_order() -> None:
    admin = a_user()
    ids = some_contacts(2)
    rows = exported(admin, columns="email,id,first_name", format="csv")
    assert rows == [
        ["E-mail", "ID", "First name"],
        ["p1@example.com", str(ids[0]), "First1"],
        ["p2@example.com", str(ids[1]), "First2"],
    ]


def test_every_kind_of_field_as_people_read_it() -> None:
    admin = a_user(timezone="Europe/Oslo")
    for key, kind in (("size", "number"), ("since", "date"), ("vip", "boolean"), ("note", "text")):
        db.session.add(CustomField(module="contacts", key=key, label=key.title(), type=kind))
    values = {"size": -1.50, "since": "2026-02-03", "vip": True, "note": "=1+1"}
    db.session.add_all(
        [
            Contact(
                phone="+4721234567",
                owner_id=admin.id,
                dnd_sms=True,
                created_at=datetime(2026, 7, 1, 10, 30, 0, 999, tzinfo=UTC),
                custom=values,
            ),
            Contact(),
        ]
    )
    db.session.commit()
    run_action("add_tags", admin, "phone:not_empty", tags="vip,Alpha")
    columns = "phone,owner_id,dnd_sms,created_at,tags,custom.size,custom.since,custom.vip"
    rows = exported(admin, columns=f"{columns},custom.note", format="csv")
    assert rows[1] == [
        "+4721234567",
        "admin@example.com",
        "yes",
        "2026-07-01T12:30:00+02:00",
        "Alpha,vip",
        "-1.5",
        "2026-02-03",
        "yes",
        "'=1+1",
    ]
    assert rows[2][:3] == ["", "", "no"]
    assert rows[2][4:] == [""] * 5


def test_awkward_text_survives_and_nothing_runs() -> None:
    admin = a_user()
    awkward = ['He said "no"', "a,b;c", "two\nlines\r\nthree", "=cmd|' /C calc'!A0", "\\.", "-12.5"]
    db.session.add_all([Contact(last_name=each) for each in awkward])
    db.session.commit()
    rows = exported(admin, columns="last_name", format="csv")
    safe = ["'" + each if each.startswith("=") else each for each in awkward]
    assert [row[0] for row in rows[1:]] == safe


def test_a_workbook_holds_the_same_text_and_true_numbers() -> None:
    admin = a_user()
    db.session.add(CustomField(module="contacts", key="size", label="=Size", type="number"))
    awkward = ["=1+1", "Zoë\x07", "_x0041_", "https://example.com", "007", "a\nb"]
    db.session.add_all([Contact(last_name=each, custom={"size": 12.5}) for each in awkward])
    db.session.commit()
    run = run_action("export", admin, columns="last_name,custom.size", format="xlsx")
    assert run.state == "completed"
    book = python_calamine.CalamineWorkbook.from_path(finished_file(run.id, run.params))
    table = book.get_sheet_by_index(0).to_python()
    assert table == [["Last name", "=Size"], *([each, 12.5] for each in awkward)]


def test_the_mark_of_utf8_is_there_when_asked_for() -> None:
    admin = a_user()
    some_contacts(1)
    plain = run_action("export", admin, columns="email", format="csv")
    marked = run_action("export", admin, columns="email", format="csv", bom="yes")
    assert finished_file(plain.id, plain.params).read_bytes().startswith(b'"E-mail"')
    assert finished_file(marked.id, marked.params).read_bytes().startswith(b'\xef\xbb\xbf"E-mail"')


def test_many_chunks_become_one_file_in_order_and_leave_no_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(get_action("export")), "chunk_size", 100)
    admin = a_user()
    ids = some_contacts(450)
    run = start_action("export", admin, columns="id", format="csv")
    assert db.session.scalar(text("SELECT count(*) FROM run_chunks")) == 5
    finished(run)
    rows = finished_file(run.id, run.params).read_text().splitlines()
    assert rows == ['"ID"', *map(str, ids)]
    assert [each.name for each in folder(run.id, run.params).iterdir()] == ["export.csv"]
    assert finished_file(run.id, run.params).stat().st_mode & 0o077 == 0


def test_what_was_deleted_meanwhile_is_skipped_in_file_and_results() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run = start_action("export", admin, columns="id", format="csv")
    run_action("delete", admin, f"id:is:{ids[1]}", confirm="DELETE")
    run = finished(run)
    assert reasons(run) == {"": 2, "Deleted since it was selected": 1}
    rows = finished_file(run.id, run.params).read_text().splitlines()
    assert rows == ['"ID"', str(ids[0]), str(ids[2])]


def test_a_chunk_that_is_done_again_replaces_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker dies between the rename and the commit; the next one cuts the chunk differently."""
    admin = a_user()
    some_contacts(90)
    run = start_action("export", admin, columns="id", format="csv")
    ids = db.session.scalars(text("SELECT unnest(record_ids) FROM run_chunks")).all()
    place = folder(run.id, run.params)
    place.mkdir(parents=True)
    (place / f"0-{ids[0]}-90.part").write_text("stale\n")
    (place / f"0-{ids[45]}-45.part").write_text("stale\n")
    (place / "0-1.tmp").write_text("stale\n")
    real = parts.write
    broken = []

    def break_whole(place: Path, seq: int, ids: Any, *rest: Any) -> None:
        real(place, seq, ids, *rest)
        if len(ids) == 90:
            broken.append(ids)
            raise ValueError("only halves go through")

    monkeypatch.setattr(parts, "write", break_whole)
    run = finished(run)
    assert len(broken) == 1
    assert tally(run) == (90, 0, 0)
    assert finished_file(run.id, run.params).read_text().splitlines() == ['"ID"', *map(str, ids)]


def test_a_full_disk_holds_the_run_with_the_reason_and_fails_no_record(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = a_user()
    some_contacts(3)
    run = start_action("export", admin, columns="email", format="csv")

    def full(file: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(parts, "_flush", full)
        for _ in range(10):
            db.session.execute(update(RunChunk).values(due_at=text("now()")))
            db.session.commit()
            work_once(run.id)
    held = fresh(run)
    assert held.state == "holding"
    assert held.error == f"{folder(run.id, run.params)} cannot be written: No space left on device"
    assert reasons(held) == {}
    control(held, "resume", admin)
    drain(run.id)
    assert tally(fresh(run)) == (3, 0, 0)


def test_parts_written_where_nobody_else_can_see_them_hold_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(get_action("export")), "chunk_size", 100)
    admin = a_user()
    some_contacts(150)
    run = start_action("export", admin, columns="email", format="csv")
    work_once(run.id)
    for part in folder(run.id, run.params).glob("*.part"):
        part.unlink()
    held = finished(run)
    assert held.state == "holding"
    assert "must share that folder (MASSADMIN_FILES_DIR)" in (held.error or "")
    assert not finished_file(run.id, run.params).exists()


def test_what_a_cell_of_excel_cannot_hold_is_cut_and_told() -> None:
    admin = a_user()
    db.session.add(CustomField(module="contacts", key="it_s", label="It's 5:00", type="text"))
    longest = "x" * 32_767
    db.session.add_all(
        [
            Contact(first_name="Fits", city=longest, custom={"it_s": "y"}),
            Contact(first_name="Long", city=longest + "y", custom={"it_s": longest + "z"}),
            Contact(first_name="Wide", city="😀" * 16_384),
            Contact(first_name="Accented", city="é" * 32_767),
        ]
    )
    db.session.commit()
    columns = "first_name,city,custom.it_s,tags,owner_id"
    run = run_action("export", admin, columns=columns, format="xlsx")
    assert tally(run) == (4, 0, 0)
    cut = "Cut to the 32,767 characters that a cell of Excel can hold: "
    assert reasons(run) == {"": 2, f"{cut}City, It's 5:00": 1, f"{cut}City": 1}
    whole = run_action("export", admin, columns=columns, format="csv")
    assert reasons(whole) == {"": 4}
    assert longest + "z" in finished_file(whole.id, whole.params).read_text()


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_file_of_very_many_columns(file_format: str) -> None:
    keys = [f"f{number}" for number in range(130)]
    for key in keys:
        db.session.add(CustomField(module="contacts", key=key, label=key, type="text"))
    db.session.add(Contact(custom=dict.fromkeys(keys, "y" * 32_768)))
    db.session.commit()
    columns = ",".join(f"custom.{key}" for key in keys)
    run = run_action("export", a_user(), columns=columns, format=file_format)
    assert tally(run) == (1, 0, 0)
    (told,) = reasons(run)
    assert told.endswith(", ".join(keys)) is (file_format == "xlsx")


def test_a_finish_that_is_repeated_changes_nothing() -> None:
    admin = a_user()
    some_contacts(2)
    run = run_action("export", admin, columns="id", format="csv")
    before = finished_file(run.id, run.params).read_bytes()
    get_action("export").finish(run.id, run.params, contacts())
    assert finished_file(run.id, run.params).read_bytes() == before


def test_the_preview_writes_no_file(own_folder: Path) -> None:
    admin = a_user()
    some_contacts(2)
    params = {"columns": ["email"], "format": "csv", "bom": False}
    shown = preview(get_action("export"), contacts(), audience(admin), params, admin)
    assert shown.tally == {"succeeded": 2, "failed": 0, "skipped": 0}
    assert list(own_folder.iterdir()) == []


def test_the_form_offers_the_columns_of_the_users_own_list() -> None:
    admin = a_user(preferences={"columns.contacts": ["city", "email", "gone"]})
    form = get_action("export").form(None, contacts(), admin)
    assert form.data["columns"] == ["city", "email"]
    assert form.data["bom"] is True


@pytest.mark.parametrize("columns", ["", ",", "email,shoe_size"])
def test_unknown_columns_are_refused(columns: str) -> None:
    admin = a_user()
    data = MultiDict({"columns": columns, "format": "csv"})
    with pytest.raises(BadParams) as refused:
        get_action("export").params(data, contacts(), admin)
    assert list(refused.value.errors) == ["columns"]


def test_a_field_removed_meanwhile_does_not_break_the_export() -> None:
    admin = a_user()
    field = CustomField(module="contacts", key="size", label="Size", type="number")
    db.session.add(field)
    db.session.add(Contact(first_name="Ada", custom={"size": 4}))
    db.session.commit()
    run = start_action("export", admin, columns="first_name,custom.size", format="csv")
    db.session.delete(db.session.merge(field))
    db.session.commit()
    run = finished(run)
    assert tally(run) == (1, 0, 0)
    rows = finished_file(run.id, run.params).read_text().splitlines()
    assert rows == ['"First name","Size"', "Ada,4"]


def test_the_zone_of_the_database_session_is_put_back() -> None:
    admin = a_user(timezone="Asia/Tokyo")
    ids = some_contacts(1)
    run = start_action("export", admin, columns="created_at", format="csv")
    get_action("export").apply(Chunk(run.id, 0, contacts(), ids, run.params, admin))
    assert folder(run.id, run.params).glob("*.part")
    assert db.session.scalar(text("SELECT current_setting('TimeZone')")) == "UTC"
