"""Starting and previewing imports."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import BadMapping, BadPolicy, Policy
from massadmin.imports.models import ImportDuplicate, ImportFile
from massadmin.records.contacts import Contact
from massadmin.runs.models import Run
from massadmin.runs.start import NotAllowed, Refused, retry
from tests.factories import a_user, contacts, finished, some_contacts, tally, world
from tests.imports.files import STAGED, counts, run_import, staged, staged_unknown
from tests.reads import entries_read

pytestmark = pytest.mark.usefixtures("db_session")

LINES = ("Email,City", "p1@example.com,Oslo", "new@x.com,Rome", "new@x.com,Bonn", "bad,Bern")


def test_a_run_keeps_its_settings_and_the_file_its_run() -> None:
    user = a_user()
    file = staged(user, *LINES)
    run = imports.start(file, contacts(), Policy(country="NO"), user)
    assert (run.action, run.state, run.total) == ("import", "queued", 4)
    assert run.name == "Import people.csv"
    assert run.params["mapping"] == ["email", "city"]
    assert run.params["columns"] == ["Email", "City"]
    assert run.params["policy"]["country"] == "NO"
    assert run.query["words"] == "4 rows of people.csv"
    db.session.expire_all()
    assert file.run_id == run.id
    assert file.policy["match"] == "email"


def test_a_file_is_imported_once() -> None:
    user = a_user()
    file = staged(user, *LINES)
    first = imports.start(file, contacts(), Policy(), user)
    again = imports.start(file, contacts(), Policy(on_match="skip"), user)
    assert again.id == first.id
    assert db.session.scalar(select(func.count()).select_from(Run)) == 1


def test_what_cannot_be_started_is_refused_and_nothing_stays() -> None:
    user, other = a_user(), a_user("manager")
    file = staged(user, *LINES)
    with pytest.raises(NotAllowed, match="somebody else"):
        imports.start(file, contacts(), Policy(), other)
    with pytest.raises(BadPolicy):
        imports.start(file, contacts(), Policy(country="Atlantis"), user)
    unmapped = staged(user, "a,b", "c,d")
    with pytest.raises(BadMapping):
        imports.start(unmapped, contacts(), Policy(), user)
    empty = staged(user, "Email")
    with pytest.raises(Refused, match="no rows"):
        imports.start(empty, contacts(), Policy(), user)
    dropped = staged(user, *LINES)
    imports.drop_file(dropped.id)
    with pytest.raises(Refused, match="not kept"):
        imports.start(dropped, contacts(), Policy(), user)
    assert db.session.scalar(select(func.count()).select_from(Run)) == 0
    db.session.refresh(file)
    assert file.run_id is None


def test_a_preview_is_the_import_rolled_back() -> None:
    user = a_user()
    some_contacts(1, city="Rome")
    before = world()
    file = staged(user, *LINES)
    found = imports.preview(file, contacts(), Policy(), user)
    assert (found.total, found.sampled) == (4, 4)
    assert found.tally == {"succeeded": 2, "skipped": 1, "failed": 1}
    assert ("skipped", "Same e-mail as line 3", 1) in found.reasons
    assert [(each.item, each.before, each.after) for each in found.changes[:2]] == [
        (2, {"city": "Rome"}, {"city": "Oslo"}),
        (3, {}, {"email": "new@x.com", "city": "Rome"}),
    ]
    assert world() == before
    for model in (Run, ImportDuplicate):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0
    assert counts(finished(imports.start(file, contacts(), Policy(), user))) == (1, 1, 1, 1)


def test_a_preview_looks_at_the_first_rows_only() -> None:
    user = a_user()
    file = staged(user, "Email", *(f"p{number % 10}@x.com" for number in range(40)))
    found = imports.preview(file, contacts(), Policy(), user, sample=15)
    assert (found.total, found.sampled) == (40, 15)
    assert found.tally == {"succeeded": 10, "skipped": 5, "failed": 0}


def test_a_preview_reads_each_row_a_few_times_of_a_file_that_nobody_analyzed() -> None:
    user = a_user()
    file = staged_unknown(user, *("Email", *(f"p{n % 1_000}@x.com" for n in range(2_000))))
    rows = file.rows
    with entries_read(*STAGED) as read:
        imports.preview(file, contacts(), Policy(), user, sample=500)
    assert read.count < 10 * rows


def test_failed_rows_can_be_retried() -> None:
    user = a_user()
    some_contacts(1)
    run = run_import(user, "ID,City", "4711,Oslo", maps={"ID": "id"}, match="id")
    assert tally(run) == (0, 0, 1)
    db.session.add(Contact(id=4711, email="late@x.com"))
    db.session.commit()
    again = finished(retry(run, contacts(), user))
    assert counts(again) == (0, 1, 0, 0)
    file = db.session.scalars(select(ImportFile)).one()
    assert file.run_id == run.id


def test_an_upload_is_discarded_once_the_run_has_started() -> None:
    import io

    from massadmin.imports import uploads

    user = a_user()
    content = b"Email\na@x.com\n"
    name = uploads.keep(io.BytesIO(content))
    file = imports.stage(io.BytesIO(content), "a.csv", contacts(), user, upload=name)
    assert uploads.path_of(name)
    imports.start(file, contacts(), Policy(), user)
    assert uploads.path_of(name) is None
