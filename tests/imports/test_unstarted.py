"""Large imports: asked for by people, started by the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from massadmin import imports
from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import (
    BadMapping,
    BadPolicy,
    ImportFile,
    Policy,
    duplicates,
    leaving,
    unstarted,
    uploads,
)
from massadmin.imports.models import ImportDuplicate
from massadmin.records.custom_fields import add_field, delete_field
from massadmin.runs.models import Run
from massadmin.runs.start import NotAllowed, Refused
from massadmin.tabular import Limits
from tests.factories import a_user, contacts, finished, some_contacts
from tests.imports.files import counts, csv_file, now, path_of, staged

pytestmark = pytest.mark.usefixtures("db_session")
LINES = ("Email,City", "p1@example.com,Oslo", "new@x.com,Rome", "new@x.com,Bonn", "bad,Bern")


def left(user: User, *lines: str, **policy: Any) -> ImportFile:
    """A file whose import the clock is to start."""
    file = staged(user, *lines or LINES)
    imports.leave_unstarted(file, contacts(), Policy(**policy), user)
    return file


def runs() -> int:
    return db.session.scalar(select(func.count()).select_from(Run)) or 0


def test_a_large_import_waits_and_is_started_like_any_other() -> None:
    user = a_user()
    some_contacts(1)
    kept = uploads.keep(csv_file(*LINES))
    file = imports.stage(path_of(kept), "people.csv", contacts(), user, upload=kept)
    imports.leave_unstarted(file, contacts(), Policy(country="no"), user)
    file = now(file)
    assert (file.under_way, file.run_id, runs()) == ("start", None, 0)
    assert file.policy["country"] == "NO"
    assert imports.do_errands(Limits(), largest_chunk=3) == 1
    file = now(file)
    run = db.session.get_one(Run, file.run_id)
    assert (file.errand, file.choices, file.problem, file.tries) == (None, {}, None, 0)
    assert (run.state, run.total, run.user_id, run.name) == (
        "queued", 4, user.id, "Import people.csv",
    )  # fmt: skip
    assert run.idempotency_key == f"import file {file.id}"
    assert run.params["policy"]["country"] == "NO"
    assert uploads.path_of(kept) is None
    assert counts(finished(run)) == (1, 1, 1, 1)
    assert imports.do_errands(Limits()) == 0


def test_only_many_rows_are_waited_for() -> None:
    file = staged(a_user(), "Email", "a@x.com")
    file.rows = unstarted.QUICK_ROWS
    assert imports.starts_quickly(file)
    file.rows += 1
    assert not imports.starts_quickly(file)
    db.session.rollback()


def test_what_cannot_be_started_is_refused_to_whoever_asks() -> None:
    user = a_user()
    file = staged(user, *LINES)
    with pytest.raises(NotAllowed, match="somebody else"):
        imports.leave_unstarted(file, contacts(), Policy(), a_user("manager"))
    with pytest.raises(BadPolicy):
        imports.leave_unstarted(file, contacts(), Policy(country="Atlantis"), user)
    unmapped = staged(user, "a,b", "c,d")
    with pytest.raises(BadMapping):
        imports.leave_unstarted(unmapped, contacts(), Policy(), user)
    assert (now(file).errand, now(unmapped).errand) == (None, None)


def test_a_file_is_imported_once() -> None:
    user = a_user()
    file = left(user)
    with pytest.raises(LookupError):
        imports.leave_unstarted(file, contacts(), Policy(), user)
    with pytest.raises(Refused, match="started already"):
        imports.start(now(file), contacts(), Policy(), user)
    assert (now(file).under_way, runs()) == ("start", 0)
    imports.do_errands(Limits())
    with pytest.raises(LookupError):
        imports.leave_unstarted(now(file), contacts(), Policy(), user)
    again = imports.start(now(file), contacts(), Policy(), user)
    assert (now(file).run_id, runs()) == (again.id, 1)


def test_whoever_may_not_import_any_more_starts_nothing() -> None:
    manager = a_user("manager")
    file = left(manager)
    people.set_role(manager, "support_lead")
    db.session.commit()
    imports.do_errands(Limits())
    assert "Your role may not import" in str(now(file).problem)
    assert (now(file).under_way, runs()) == (None, 0)


def test_a_policy_that_does_not_hold_any_more_starts_nothing() -> None:
    user, other = a_user(), a_user("manager")
    file = left(user, owner=other.id)
    other.active = False
    db.session.commit()
    imports.do_errands(Limits())
    assert "no active user" in str(now(file).problem)
    assert runs() == 0


def test_a_mapping_to_a_field_that_was_deleted_starts_nothing_until_it_is_mapped_anew() -> None:
    user = a_user()
    plan = add_field(contacts(), "Plan", "text", (), user)
    db.session.commit()
    file = staged(user, "Email,Plan", "a@x.com,gold")
    assert file.mapping == ["email", "custom.plan"]
    imports.leave_unstarted(file, contacts(), Policy(), user)
    delete_field(contacts(), plan, user)
    imports.do_errands(Limits())
    file = now(file)
    assert "The column “Plan” goes to a field that is not there any more" in str(file.problem)
    with pytest.raises(BadMapping):
        imports.leave_unstarted(file, contacts(), Policy(), user)
    imports.set_mapping(file, contacts(), user, ["email", None])
    assert now(file).problem is None
    imports.leave_unstarted(now(file), contacts(), Policy(), user)
    imports.do_errands(Limits())
    assert (runs(), now(file).problem) == (1, None)


def test_it_can_be_called_off_until_it_was_started() -> None:
    file = left(a_user())
    assert imports.call_off(file)
    assert not imports.call_off(file)
    assert imports.do_errands(Limits()) == 0
    assert (now(file).errand, runs()) == (None, 0)
    imports.leave_unstarted(now(file), contacts(), Policy(), db.session.get_one(User, file.user_id))
    imports.do_errands(Limits())
    assert not imports.call_off(now(file))
    assert runs() == 1


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[Any], object]) -> None:
    """Have somebody else do something, once, while the clock looks for duplicates."""
    whole = duplicates.find_duplicates
    done: list[bool] = []

    def looking(*args: Any, **more: Any) -> int:
        found = whole(*args, **more)
        if not done:
            done.append(True)
            with db.engine.begin() as other:
                do(other)
        return found

    monkeypatch.setattr(unstarted, "find_duplicates", looking)


@pytest.mark.parametrize(
    "sql", ["UPDATE import_files SET errand = NULL", "DELETE FROM import_files"]
)
def test_what_is_called_off_or_discarded_meanwhile_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    left(a_user())
    meanwhile(monkeypatch, lambda other: other.exec_driver_sql(sql))
    assert imports.do_errands(Limits()) == 1
    db.session.rollback()
    assert runs() == 0
    assert db.session.scalar(select(func.count()).select_from(ImportDuplicate)) == 0


def test_what_is_changed_meanwhile_is_started_as_it_is_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = left(a_user())
    changed = "UPDATE import_files SET choices = jsonb_set(choices, '{match}', 'null')"
    meanwhile(monkeypatch, lambda other: other.exec_driver_sql(changed))
    assert imports.do_errands(Limits()) == 2
    run = db.session.get_one(Run, now(file).run_id)
    assert run.params["policy"]["match"] is None
    assert db.session.scalar(select(func.count()).select_from(ImportDuplicate)) == 0


def test_rights_that_are_lost_meanwhile_count(monkeypatch: pytest.MonkeyPatch) -> None:
    file = left(a_user("manager"))
    lost = "UPDATE users SET role = 'support_lead'"
    meanwhile(monkeypatch, lambda other: other.exec_driver_sql(lost))
    imports.do_errands(Limits())
    assert "may not import" in str(now(file).problem)
    assert runs() == 0


def test_how_far_it_is_is_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(duplicates, "BLOCK_ROWS", 100)
    file = left(a_user(), "Email", *(f"p{number}@x.com" for number in range(1_000)))
    shares: list[int] = []

    class Listening(leaving.Teller):
        def __call__(self, share: float) -> None:
            super().__call__(share)
            with db.engine.connect() as other:
                shares.append(other.execute(select(ImportFile.share_done)).scalar_one())

    monkeypatch.setattr(unstarted, "Teller", Listening)
    imports.do_errands(Limits())
    assert shares == list(range(8, 81, 8))
    assert (now(file).share_done, runs()) == (0, 1)
