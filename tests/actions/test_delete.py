"""Delete, and undoing it."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.runs.action import BadParams, get_action
from tests.factories import (
    a_user,
    contact,
    contacts,
    reasons,
    results,
    run_action,
    some_contacts,
    tags_of,
    tally,
    undo_run,
    world,
)

pytestmark = pytest.mark.usefixtures("db_session")


def test_it_goes_to_the_trash_with_all_that_hangs_on_it() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, tags="vip")
    run = run_action("delete", admin, f"id:one_of:{ids[0]}|{ids[1]}", confirm="DELETE")
    assert tally(run) == (2, 0, 0)
    gone = contact(ids[0])
    assert gone.deleted_at is not None
    assert (gone.deleted_by, gone.deleted_run_id) == (admin.id, run.id)
    assert tags_of(ids[0]) == ["vip"]
    assert contact(ids[2]).deleted_at is None
    assert [(each.before, each.after) for each in results(run)] == [(None, None)] * 2


@pytest.mark.parametrize("word", ["", "delete", "DELETE IT", "LÖSCHEN"])
def test_only_the_typed_word_will_do(word: str) -> None:
    admin = a_user()
    some_contacts(1)
    with pytest.raises(BadParams) as refused:
        run_action("delete", admin, confirm=word)
    assert refused.value.errors == {"confirm": ["Type DELETE, in capital letters."]}
    with pytest.raises(BadParams):
        run_action("delete", admin)


def test_the_typed_word_is_not_kept() -> None:
    admin = a_user()
    some_contacts(1)
    assert run_action("delete", admin, confirm="DELETE").params == {}


def test_it_says_how_long_there_is_to_think_again(app: Flask) -> None:
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], restore_days=14)
    assert "restored for 14 days" in get_action("delete").consequences


def test_undo_brings_everything_back_as_it_was() -> None:
    admin = a_user()
    some_contacts(4, city="Rome")
    run_action("add_tags", admin, tags="old,new")
    before = world()
    run = run_action("delete", admin, confirm="DELETE")
    assert world() != before
    assert tally(undo_run(run, admin)) == (4, 0, 0)
    assert world() == before


def test_undo_brings_back_two_that_shared_an_address_all_along() -> None:
    admin = a_user()
    ids = some_contacts(4, city="Rome")
    _set_email(ids[1], "P1@example.com")
    _set_email(ids[3], "p3@example.com")
    both = run_action("delete", admin, f"id:one_of:{ids[0]}|{ids[1]}", confirm="DELETE")
    one = run_action("delete", admin, f"id:is:{ids[3]}", confirm="DELETE")
    assert [each.after for each in results(both)] == [{"shared_email": True}] * 2
    assert tally(undo_run(both, admin)) == (2, 0, 0)
    assert tally(undo_run(one, admin)) == (1, 0, 0)


def test_two_of_one_address_come_back_though_different_chunks_deleted_them(app: object) -> None:
    admin = a_user()
    ids = some_contacts(150)
    _set_email(ids[-1], "p1@example.com")
    run = run_action("delete", admin, confirm="DELETE")
    assert len({each.seq for each in results(run)}) == 2
    assert tally(undo_run(run, admin)) == (150, 0, 0)


def test_undo_leaves_in_the_trash_whose_address_was_taken_since() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run = run_action("delete", admin, f"id:one_of:{ids[0]}|{ids[1]}", confirm="DELETE")
    _set_email(ids[2], "P2@example.com")
    undone = undo_run(run, admin)
    assert reasons(undone) == {"": 1, "Another contact uses its e-mail now": 1}
    assert contact(ids[1]).deleted_run_id == run.id
    assert contact(ids[0]).deleted_at is None


def test_undo_leaves_alone_what_was_restored_and_deleted_again_or_purged() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run = run_action("delete", admin, confirm="DELETE")
    run_action("restore", admin, f"id:is:{ids[0]}")
    run_action("restore", admin, f"id:is:{ids[1]}")
    run_action("delete", admin, f"id:is:{ids[1]}", confirm="DELETE")
    db.session.execute(text("DELETE FROM contacts WHERE id = :id"), {"id": ids[2]})
    db.session.commit()
    undone = undo_run(run, admin)
    assert tally(undone) == (0, 3, 0)
    assert [each.reason for each in results(undone)] == [
        "Not in the trash any more",
        "Changed since",
        "No longer exists",
    ]


def test_who_may_not_delete_cannot() -> None:
    member = a_user("member")
    assert not member.can(f"{contacts().key}.{get_action('delete').permission}")


def _set_email(contact_id: int, email: str) -> None:
    db.session.execute(
        text("UPDATE contacts SET email = :email WHERE id = :id"),
        {"email": email, "id": contact_id},
    )
    db.session.commit()
