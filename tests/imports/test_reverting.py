"""Undoing imports."""

from __future__ import annotations

import pytest

from massadmin.extensions import db
from massadmin.records.modules import CustomField
from massadmin.runs.execute import drain
from massadmin.runs.start import undo
from tests.factories import (
    a_user,
    contact,
    contacts,
    fresh,
    reasons,
    results,
    run_action,
    some_contacts,
    tags_of,
    tally,
    undo_run,
    world,
)
from tests.imports.files import STAGED, run_import, staged_unknown
from tests.reads import entries_read

pytestmark = pytest.mark.usefixtures("db_session")

LINES = (
    "Email,City,DND email,Plan,Tags",
    "p1@example.com,Oslo,yes,gold,vip",
    "p2@example.com,,,,vip",
    "new@x.com,Bergen,yes,silver,vip",
    "other@x.com,,no,,",
)


@pytest.fixture(autouse=True)
def _plan(db_session: object) -> None:
    db.session.add(CustomField(module="contacts", key="plan", label="Plan", type="text"))
    db.session.commit()


def test_undo_puts_back_what_was_updated_and_trashes_what_was_created() -> None:
    admin = a_user()
    some_contacts(2, city="Rome")
    before = world()
    run = run_import(admin, *LINES)
    assert tally(run) == (4, 0, 0)
    created = [each.record_id for each in results(run) if each.before is None]
    undone = undo_run(run, admin)
    assert tally(undone) == (4, 0, 0)
    assert world()[:2] == before
    for each in created:
        gone = contact(each or 0)
        assert gone.deleted_at is not None
        assert (gone.deleted_by, gone.deleted_run_id) == (admin.id, undone.id)
    assert {each.item for each in results(undone)} == {2, 3, 4, 5}


def test_what_was_created_can_be_restored_from_the_trash() -> None:
    admin = a_user()
    run = run_import(admin, *LINES[:1], *LINES[3:])
    undo_run(run, admin)
    assert tally(run_action("restore", admin, on_conflict="skip")) == (2, 0, 0)
    assert tags_of(results(run)[0].record_id or 0) == ["vip"]


@pytest.mark.parametrize(
    ("change", "params"),
    [
        ("update_fields", {"set__state": "NY"}),
        ("update_fields", {"set__city": "Rome"}),
        ("update_fields", {"set__custom.plan": "bronze"}),
        ("add_tags", {"tags": "later"}),
    ],
)
def test_what_was_created_and_changed_since_stays(change: str, params: dict[str, str]) -> None:
    admin = a_user()
    run = run_import(admin, *LINES[:1], *LINES[3:])
    run_action(change, admin, "email:is:new@x.com", **params)
    undone = undo_run(run, admin)
    assert tally(undone) == (1, 1, 0)
    assert reasons(undone)["Changed since it was imported"] == 1
    assert contact(results(run)[0].record_id or 0).deleted_at is None


def test_a_field_changed_since_stays_and_the_rest_goes_back() -> None:
    admin = a_user()
    one, two = some_contacts(2, city="Rome")
    run = run_import(admin, *LINES[:3])
    run_action("update_fields", admin, set__city="Turin")
    undone = undo_run(run, admin)
    assert tally(undone) == (2, 0, 0)
    assert reasons(undone)["Only partly: other fields were changed since"] == 1
    assert (contact(one).city, contact(one).dnd_email, contact(one).custom) == ("Turin", False, {})
    assert tags_of(one) == []
    assert tags_of(two) == []


def test_tags_that_a_record_had_before_stay() -> None:
    admin = a_user()
    (known,) = some_contacts(1)
    run_action("add_tags", admin, tags="VIP")
    run = run_import(admin, "Email,Tags", 'p1@example.com,"vip, new"')
    undone = undo_run(run, admin)
    assert tags_of(known) == ["VIP"]
    assert results(undone)[0].after == {"tags_removed": ["new"]}


def test_rows_that_changed_nothing_are_not_undone() -> None:
    admin = a_user()
    some_contacts(1, city="Rome")
    run = run_import(admin, "Email,City", "p1@example.com,Rome", "new@x.com,Oslo")
    assert tally(run) == (1, 1, 0)
    assert undo_run(run, admin).total == 1


def test_a_record_deleted_since_is_skipped() -> None:
    admin = a_user()
    run = run_import(admin, "Email", "a@x.com", "b@x.com")
    run_action("delete", admin, "email:is:a@x.com", confirm="DELETE")
    undone = undo_run(run, admin)
    assert tally(undone) == (1, 1, 0)
    assert reasons(undone)["Deleted since"] == 1


def test_each_result_is_read_a_few_times_of_a_run_that_nobody_analyzed() -> None:
    user = a_user()
    some_contacts(2_000)
    lines = ("Email", *(f"p{n}@example.com" for n in range(1, 2_001)))
    file = staged_unknown(user, *lines)
    run = run_import(user, file=file, tags=["fair"])
    undone = undo(run, contacts(), user)
    with entries_read(*STAGED) as read:
        drain(undone.id)
    assert read.count < 20 * 2_000
    assert tally(fresh(undone)) == (2_000, 0, 0)
