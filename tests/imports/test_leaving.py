"""Leaving a file to the clock, and being told how far that is."""

from __future__ import annotations

import pytest

from massadmin.imports import leaving
from massadmin.imports.leaving import Teller, leave
from tests.factories import a_user
from tests.imports.files import now, staged, start_import

pytestmark = pytest.mark.usefixtures("db_session")


def test_one_errand_at_a_time() -> None:
    file = staged(a_user(), "Email", "a@x.com")
    leave(file.id, "read", {"delimiter": ";"})
    assert (now(file).under_way, now(file).choices) == ("read", {"delimiter": ";"})
    with pytest.raises(LookupError, match="being read"):
        leave(file.id, "start", {})
    assert now(file).under_way == "read"


def test_what_could_not_be_done_is_left_anew() -> None:
    file = staged(a_user(), "Email", "a@x.com")
    file.errand, file.problem, file.tries = "read", "It breaks off.", 2
    assert file.under_way is None
    leave(file.id, "start", {})
    assert (now(file).under_way, now(file).problem, now(file).tries) == ("start", None, 0)


def test_an_imported_file_is_left_alone() -> None:
    user = a_user()
    file = staged(user, "Email", "a@x.com")
    start_import(user, file=file)
    with pytest.raises(LookupError, match="imported already"):
        leave(file.id, "start", {})
    assert now(file).errand is None


def test_how_far_it_is_is_told_not_too_often_and_never_that_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = staged(a_user(), "Email", "a@x.com")
    tell = Teller(file.id)
    tell(0.5)
    assert now(file).share_done == 0
    monkeypatch.setattr(leaving, "TELL_SECONDS", 0.0)
    for share, told in ((0.5, 50), (0.999, 99), (1.2, 99), (-0.1, 0)):
        tell(share)
        assert now(file).share_done == told
