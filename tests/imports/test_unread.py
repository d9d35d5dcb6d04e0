"""Large files: left by their senders, read by the clock."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from massadmin import imports
from massadmin.auth import people
from massadmin.extensions import db
from massadmin.imports import ImportFile, leaving, unread, uploads
from massadmin.imports.models import ImportRow
from massadmin.runs.start import NotAllowed, Refused
from massadmin.tabular import Limits, NotATable
from tests.factories import a_user, contacts
from tests.imports.files import left_unread, now, path_of
from tests.tabular.packages import package

pytestmark = pytest.mark.usefixtures("db_session")
LINES = b"Email;City\na@x.com;Oslo\nb@x.com;Rome\n"


def cells_of(file: ImportFile) -> list[list[str]]:
    chosen = select(ImportRow.cells).where(ImportRow.file_id == file.id).order_by(ImportRow.line)
    return list(db.session.scalars(chosen))


def test_a_large_file_waits_and_is_read_like_any_other() -> None:
    file = left_unread(a_user(), LINES)
    assert (file.was_read, file.rows, file.size) == (False, 0, len(LINES))
    assert imports.do_errands(Limits()) == 1
    file = now(file)
    assert (file.errand, file.problem, file.rows) == (None, None, 2)
    assert file.columns == ("Email", "City")
    assert file.mapping == ["email", "city"]
    assert cells_of(file) == [["a@x.com", "Oslo"], ["b@x.com", "Rome"]]
    assert path_of(file.upload).read_bytes() == LINES
    assert imports.do_errands(Limits()) == 0


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
    file = left_unread(a_user(), content)
    path = path_of(file.upload)
    assert imports.do_errands(Limits(cell_chars=50)) == 1
    file = now(file)
    assert why in str(file.problem)
    assert (file.under_way, file.was_read) == (None, False)
    assert db.session.scalar(select(func.count()).select_from(ImportRow)) == 0
    assert not path.exists()
    assert imports.do_errands(Limits()) == 0


def test_a_file_that_is_gone_says_so() -> None:
    file = left_unread(a_user(), LINES)
    uploads.discard(file.upload)
    imports.do_errands(Limits())
    assert "not here any more" in str(now(file).problem)


def test_what_was_read_before_stays_until_it_was_read_anew() -> None:
    file = imports.stage(
        io.BytesIO(LINES), "x.csv", contacts(), a_user(), delimiter=",",
        upload=uploads.keep(io.BytesIO(LINES)),
    )  # fmt: skip
    imports.leave_to_read_again(file, {"delimiter": ";", "encoding": "klingon"})
    assert now(file).rows == 2
    imports.do_errands(Limits())
    file = now(file)
    assert "klingon" in str(file.problem)
    assert (file.under_way, file.columns) == (None, ("Email;City",))
    assert path_of(file.upload)
    imports.leave_to_read_again(file, {"delimiter": ";", "has_header": False})
    imports.do_errands(Limits())
    file = now(file)
    assert (file.problem, file.rows) == (None, 3)
    assert cells_of(file)[0] == ["Email", "City"]


def test_a_file_that_is_being_read_is_not_imported_and_an_imported_one_not_read() -> None:
    user = a_user()
    file = left_unread(user, LINES)
    imports.do_errands(Limits())
    file = now(file)
    imports.leave_to_read_again(file, {})
    with pytest.raises(Refused, match="still being read"):
        imports.start(file, contacts(), imports.default_policy(file.mapping), user)
    imports.do_errands(Limits())
    file = now(file)
    imports.start(file, contacts(), imports.default_policy(file.mapping), user)
    with pytest.raises(LookupError):
        imports.leave_to_read_again(file, {})
    assert now(file).errand is None


def test_what_is_discarded_while_it_is_read_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = path_of(left_unread(a_user(), LINES).upload)

    def discard(*_: Any) -> Any:
        with db.engine.begin() as other:
            other.exec_driver_sql("DELETE FROM import_files")
        return lambda share: None

    monkeypatch.setattr(unread, "Teller", discard)
    assert imports.do_errands(Limits()) == 1
    db.session.rollback()
    for model in (ImportFile, ImportRow):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0
    upload.unlink()


def test_how_far_it_is_is_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "TELL_SECONDS", 0.0)
    lines = b"".join(b"p%d@example.com,Oslo\n" % number for number in range(20_000))
    file = left_unread(a_user(), b"Email,City\n" + lines)
    shares: list[int] = []

    class Listening(leaving.Teller):
        def __call__(self, share: float) -> None:
            super().__call__(share)
            with db.engine.connect() as other:
                shares.append(other.execute(select(ImportFile.share_done)).scalar_one())

    monkeypatch.setattr(unread, "Teller", Listening)
    imports.do_errands(Limits())
    assert shares == sorted(shares)
    assert shares[0] < 20
    assert shares[-1] == 99
    assert now(file).share_done == 0


def test_only_who_may_import_leaves_files_and_has_them_read() -> None:
    with pytest.raises(NotAllowed):
        left_unread(a_user("support_lead"), LINES)
    manager = a_user("manager")
    file = left_unread(manager, LINES)
    people.set_role(manager, "support_lead")
    db.session.commit()
    imports.do_errands(Limits())
    assert "Your role may not import contacts" in str(now(file).problem)
