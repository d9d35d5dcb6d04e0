"""What was left to the clock, done by it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import ImportFile, Policy, errands, staging, starting, unread
from massadmin.tabular import Limits
from tests.factories import a_user, contacts
from tests.imports.files import left_unread, now, staged

pytestmark = pytest.mark.usefixtures("db_session")
LINES = b"Email;City\na@x.com;Oslo\nb@x.com;Rome\n"


def test_everything_that_was_left_is_done_in_its_order() -> None:
    user = a_user()
    unread_one = left_unread(user, LINES)
    unstarted = staged(user, "Email", "a@x.com")
    imports.leave_unstarted(unstarted, contacts(), Policy(), user)
    assert imports.do_errands(Limits()) == 2
    assert now(unread_one).rows == 2
    assert now(unstarted).run_id
    assert imports.do_errands(Limits()) == 0


def test_a_file_that_breaks_its_reader_is_given_up_and_others_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = a_user()
    bad, good = left_unread(user, LINES, "bad.csv"), left_unread(user, LINES)
    whole = staging.fill

    def broken(file: ImportFile, *args: Any, **more: Any) -> int:
        if file.id == bad.id:
            raise MemoryError
        return whole(file, *args, **more)

    monkeypatch.setattr(unread, "fill", broken)
    for _ in range(errands.MOST_TRIES):
        with pytest.raises(MemoryError):
            imports.do_errands(Limits())
    assert now(good).rows == 2
    assert now(bad).problem is None
    assert imports.do_errands(Limits()) == 1
    assert "Reading it broke off 3 times" in str(now(bad).problem)


def test_an_import_that_breaks_its_start_is_given_up_and_can_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = a_user()
    file = staged(user, "Email", "a@x.com", "a@x.com")
    imports.leave_unstarted(file, contacts(), Policy(), user)

    def broken(*args: Any, **more: Any) -> int:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(starting, "start_run", broken)
        for _ in range(errands.MOST_TRIES):
            with pytest.raises(MemoryError):
                imports.do_errands(Limits())
            assert (now(file).under_way, now(file).run_id) == ("start", None)
        imports.do_errands(Limits())
    file = now(file)
    assert (file.under_way, file.tries) == (None, 0)
    assert "Starting it broke off 3 times" in str(file.problem)
    imports.leave_unstarted(file, contacts(), Policy(), user)
    imports.do_errands(Limits())
    assert (now(file).problem, now(file).run_id is None) == (None, False)


def test_what_was_called_off_between_two_statements_is_not_done_and_no_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = left_unread(a_user(), b"PK\x03\x04 broken")
    whole = errands._refuse

    def late(file_id: int, problem: str) -> None:
        db.session.execute(update(ImportFile).values(errand=None))
        whole(file_id, problem)

    monkeypatch.setattr(errands, "_refuse", late)
    imports.do_errands(Limits())
    assert (now(file).errand, now(file).problem) == (None, None)
