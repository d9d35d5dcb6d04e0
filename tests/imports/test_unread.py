"""Large files: left by their senders, read by the clock."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from massadmin import imports
from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import ImportFile, staging, unread, uploads
from massadmin.imports.models import ImportRow
from massadmin.runs.start import NotAllowed, Refused
from massadmin.tabular import Limits, NotATable
from tests.factories import a_user, contacts
from tests.tabular.packages import package

pytestmark = pytest.mark.usefixtures("db_session")
LINES = b"Email;City\na@x.com;Oslo\nb@x.com;Rome\n"


def left(user: User, content: bytes = LINES, name: str = "people.csv") -> ImportFile:
    kept = uploads.keep(io.BytesIO(content))
    return imports.leave_unread(path_of(kept), name, contacts(), user, kept)


def path_of(upload: str | None) -> Path:
    path = uploads.path_of(upload)
    assert path is not None
    return path


def now(file: ImportFile) -> ImportFile:
    db.session.rollback()
    return db.session.get_one(ImportFile, file.id, populate_existing=True)


def cells_of(file: ImportFile) -> list[list[str]]:
    chosen = select(ImportRow.cells).where(ImportRow.file_id == file.id).order_by(ImportRow.line)
    return list(db.session.scalars(chosen))


def test_a_large_file_waits_and_is_read_like_any_other() -> None:
    file = left(a_user())
    assert (file.was_read, file.rows, file.size) == (False, 0, len(LINES))
    assert imports.read_unread(Limits()) == 1
    file = now(file)
    assert (file.unread, file.problem, file.rows) == (None, None, 2)
    assert file.columns == ("Email", "City")
    assert file.mapping == ["email", "city"]
    assert cells_of(file) == [["a@x.com", "Oslo"], ["b@x.com", "Rome"]]
    assert path_of(file.upload).read_bytes() == LINES
    assert imports.read_unread(Limits()) == 0


def test_a_workbook_is_as_large_as_what_it_unpacks_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    monkeypatch.setattr(unread, "QUICK_BYTES", 20_000)
    for content, quick in (
        (b"x,y\n" * 5_000, True),
        (b"x,y\n" * 5_001, False),
        (package('<row r="1"/>').getvalue(), True),
        (package('<row r="1"/>', more={"xl/media/1.png": b"x" * 20_000}).getvalue(), True),
        (package('<row r="1"/>' * 2_000).getvalue(), False),
    ):
        path.write_bytes(content)
        assert imports.reads_quickly(path, Limits()) is quick
    path.write_bytes(b"%PDF-1.7 " + b"x" * 30_000)
    with pytest.raises(NotATable):
        imports.reads_quickly(path, Limits())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2\n" + b"x" * 60 + b",2\n", "more than 50 characters"),
        (b"Email,City\n", "header but no rows"),
        (b"PK\x03\x04 broken", "damaged"),
    ],
)
def test_what_cannot_be_read_says_why_and_keeps_nothing(content: bytes, why: str) -> None:
    file = left(a_user(), content)
    path = path_of(file.upload)
    assert imports.read_unread(Limits(cell_chars=50)) == 1
    file = now(file)
    assert why in str(file.problem)
    assert (file.unread, file.was_read) == (None, False)
    assert db.session.scalar(select(func.count()).select_from(ImportRow)) == 0
    assert not path.exists()
    assert imports.read_unread(Limits()) == 0


def test_a_file_that_is_gone_says_so() -> None:
    file = left(a_user())
    uploads.discard(file.upload)
    imports.read_unread(Limits())
    assert "not here any more" in str(now(file).problem)


def test_what_was_read_before_stays_until_it_was_read_anew() -> None:
    file = imports.stage(
        io.BytesIO(LINES), "x.csv", contacts(), a_user(), delimiter=",",
        upload=uploads.keep(io.BytesIO(LINES)),
    )  # fmt: skip
    imports.leave_to_read_again(file, {"delimiter": ";", "encoding": "klingon"})
    assert now(file).rows == 2
    imports.read_unread(Limits())
    file = now(file)
    assert "klingon" in str(file.problem)
    assert (file.unread, file.columns) == (None, ("Email;City",))
    assert path_of(file.upload)
    imports.leave_to_read_again(file, {"delimiter": ";", "has_header": False})
    imports.read_unread(Limits())
    file = now(file)
    assert (file.problem, file.rows) == (None, 3)
    assert cells_of(file)[0] == ["Email", "City"]


def test_a_file_that_is_being_read_is_not_imported_and_an_imported_one_not_read() -> None:
    user = a_user()
    file = left(user)
    imports.read_unread(Limits())
    file = now(file)
    imports.leave_to_read_again(file, {})
    with pytest.raises(Refused, match="still being read"):
        imports.start(file, contacts(), imports.default_policy(file.mapping), user)
    imports.read_unread(Limits())
    file = now(file)
    imports.start(file, contacts(), imports.default_policy(file.mapping), user)
    with pytest.raises(LookupError):
        imports.leave_to_read_again(file, {})
    assert now(file).unread is None


def test_what_is_discarded_while_it_is_read_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = path_of(left(a_user()).upload)

    def discard(*_: Any) -> Any:
        with db.engine.begin() as other:
            other.exec_driver_sql("DELETE FROM import_files")
        return lambda: None

    monkeypatch.setattr(unread, "_Teller", discard)
    assert imports.read_unread(Limits()) == 1
    db.session.rollback()
    for model in (ImportFile, ImportRow):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0
    upload.unlink()


def test_a_file_that_breaks_its_reader_is_given_up_and_others_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = a_user()
    bad, good = left(user, name="bad.csv"), left(user)
    whole = staging.fill

    def broken(file: ImportFile, *args: Any, **more: Any) -> int:
        if file.id == bad.id:
            raise MemoryError
        return whole(file, *args, **more)

    monkeypatch.setattr(unread, "fill", broken)
    for _ in range(unread.MOST_TRIES):
        with pytest.raises(MemoryError):
            imports.read_unread(Limits())
    assert now(good).rows == 2
    assert now(bad).problem is None
    assert imports.read_unread(Limits()) == 1
    assert "broke off 3 times" in str(now(bad).problem)


def test_how_far_it_is_is_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "TELL_SECONDS", 0.0)
    lines = b"".join(b"p%d@example.com,Oslo\n" % number for number in range(20_000))
    file = left(a_user(), b"Email,City\n" + lines)
    shares: list[int] = []

    class Listening(unread._Teller):
        def __call__(self) -> None:
            super().__call__()
            with db.engine.connect() as other:
                shares.append(other.execute(select(ImportFile.share_read)).scalar_one())

    monkeypatch.setattr(unread, "_Teller", Listening)
    imports.read_unread(Limits())
    assert shares == sorted(shares)
    assert shares[0] < 20
    assert shares[-1] == 99
    assert now(file).share_read == 0


def test_only_who_may_import_leaves_files_and_has_them_read() -> None:
    with pytest.raises(NotAllowed):
        left(a_user("support_lead"))
    manager = a_user("manager")
    file = left(manager)
    people.set_role(manager, "support_lead")
    db.session.commit()
    imports.read_unread(Limits())
    assert "Your role may not import contacts" in str(now(file).problem)
