"""Offers: what can be done about a run, and the reason where it cannot."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs.control import control
from massadmin.runs.models import Run
from massadmin.runs.offers import Offers, offers_of, undoings
from massadmin.runs.start import undo
from tests.factories import (
    a_user,
    contacts,
    finished,
    fresh,
    run_action,
    some_contacts,
    start_action,
    undo_run,
)

pytestmark = pytest.mark.usefixtures("db_session")


def offers(run: Run, user: User) -> Offers:
    return offers_of(run, user, undoings([run.id]).get(run.id))


def test_a_run_under_way_is_steered_by_its_owner_and_by_managers() -> None:
    some_contacts(1)
    admin, manager = a_user(), a_user("manager")
    run = start_action("add_tags", admin, tags="a")
    assert offers(run, admin).verbs == ("pause", "cancel")
    assert offers(run, manager).verbs == ("pause", "cancel")
    assert offers(run, a_user("support_lead")).verbs == ()
    control(run, "pause", admin)
    assert offers(fresh(run), admin).verbs == ("resume", "cancel")


def test_what_changed_something_can_be_undone_once() -> None:
    some_contacts(2)
    admin = a_user()
    run = run_action("add_tags", admin, tags="a")
    found = offers(run, admin)
    assert found.undo
    assert found.undo.open
    assert found.retry is None
    assert found.verbs == ()
    going = undo(run, contacts(), admin)
    assert str(going.id) in offers(fresh(run), admin).undo.why  # type: ignore[union-attr]
    finished(going)
    assert "was undone" in offers(fresh(run), admin).undo.why  # type: ignore[union-attr]
    assert offers(fresh(going), admin).undo is None


def test_what_changed_nothing_offers_no_undo() -> None:
    [only] = some_contacts(1)
    admin = a_user()
    run_action("add_tags", admin, tags="a")
    assert offers(run_action("add_tags", admin, f"id:is:{only}", tags="a"), admin) == Offers()


def test_the_role_decides() -> None:
    some_contacts(1)
    run = run_action("add_tags", a_user(), tags="a")
    found = offers(run, a_user("support_lead"))
    assert found.undo
    assert found.undo.why == "Your role may not add tags"


def test_failures_can_be_retried() -> None:
    some_contacts(1)
    admin = a_user()
    run = run_action("update_fields", admin, **{"replace.email": "@=>@@"})
    assert run.failed == 1
    found = offers(run, admin)
    assert found.retry
    assert found.retry.open
    assert found.undo is None


def test_a_deletion_is_restored_while_there_are_days_left() -> None:
    some_contacts(1)
    admin = a_user()
    run = run_action("delete", admin, confirm="DELETE")
    found = offers(run, admin)
    assert found.undo is None
    assert found.restore
    assert found.restore.open
    assert found.restore.days == 60
    assert offers(run, a_user("support_lead")).restore == found.restore
    assert "may not" in offers(run, a_user("member")).restore.why  # type: ignore[union-attr]
    db.session.execute(
        update(Run)
        .where(Run.id == run.id)
        .values(finished_at=db.func.now() - db.text("interval '61 days'"))
    )
    db.session.commit()
    late = offers(fresh(run), admin).restore
    assert late
    assert late.days == 0
    assert not late.open


def test_what_cannot_be_undone_says_so() -> None:
    some_contacts(1)
    admin = a_user()
    run = run_action("export", admin, columns="email", format="csv")
    found = offers(run, admin)
    assert found.undo
    assert found.undo.why == "Export cannot be undone"


def test_an_action_that_is_gone_offers_nothing() -> None:
    some_contacts(1)
    admin = a_user()
    run = run_action("add_tags", admin, tags="a")
    db.session.execute(update(Run).where(Run.id == run.id).values(action="long_gone"))
    db.session.commit()
    assert offers(fresh(run), admin) == Offers()


def test_undoing_twice_finds_nothing_left(db_session: object) -> None:
    some_contacts(3)
    admin = a_user()
    run = run_action("add_tags", admin, tags="a")
    again = undo_run(run, admin)
    assert undoings([run.id])[run.id].run_id == again.id
