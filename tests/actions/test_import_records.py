"""The import as an action; what it writes is tested in tests/imports."""

from __future__ import annotations

import pytest

from massadmin.runs.action import get_action
from massadmin.runs.start import Refused, undo
from tests.factories import a_user, contacts, finished, some_contacts, tally, undo_run, world
from tests.imports.files import counts, run_import, start_import

pytestmark = pytest.mark.usefixtures("db_session")


def test_it_has_pages_of_its_own() -> None:
    action = get_action("import", contacts())
    assert not action.listed
    assert action.reversible
    assert action.failures_endpoint == "imports.errors"  # type: ignore[attr-defined]
    assert action.summary({"filename": "fair.csv"}, contacts()) == "Import fair.csv"


def test_doing_it_twice_is_harmless_and_undo_restores() -> None:
    admin = a_user()
    some_contacts(3, city="Rome")
    before = world()
    lines = ("Email,City,Tags", *(f"p{number}@example.com,Oslo,vip" for number in range(1, 4)))
    run = run_import(admin, *lines)
    once = world()
    assert counts(run) == (0, 3, 0, 0)
    assert counts(run_import(admin, *lines)) == (0, 0, 3, 0)
    assert world() == once != before
    assert tally(undo_run(run, admin)) == (3, 0, 0)
    assert world() == before


def test_the_permission_is_checked_again_by_each_chunk() -> None:
    admin, member = a_user(), a_user("member")
    run = start_import(member, "Email", "a@x.com")
    member.role = "support_lead"
    from massadmin.extensions import db

    db.session.commit()
    run = finished(run)
    assert tally(run) == (0, 1, 0)
    with pytest.raises(Refused):
        undo(run, contacts(), member)
    assert admin.can("contacts.import")
