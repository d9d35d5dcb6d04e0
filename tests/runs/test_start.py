"""Starting: permission, idempotency, drift, and nothing left behind by a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import Query
from massadmin.records.selection import new_selection, take_all, tick, untick
from massadmin.runs.action import get_action
from massadmin.runs.audience import Audience, of_ids, of_selection
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.start import Conflict, Drifted, NotAllowed, Refused, retry, start, undo
from tests.factories import (
    a_user,
    audience,
    contacts,
    finished,
    fresh,
    results,
    run_action,
    some_contacts,
    start_action,
    tags_of,
    tally,
    undo_run,
)

pytestmark = pytest.mark.usefixtures("db_session")


def runs_and_chunks() -> tuple[int, int]:
    db.session.rollback()
    return (
        db.session.scalar(select(func.count()).select_from(Run)) or 0,
        db.session.scalar(select(func.count()).select_from(RunChunk)) or 0,
    )


def add_tag(user: User, tag: str = "vip", **options: Any) -> Run:
    return start(
        get_action("add_tags"), contacts(), audience(user), {"tags": [tag]}, user, **options
    )


def test_the_frozen_records_are_those_selected_then() -> None:
    admin = a_user()
    some_contacts(7)
    run = add_tag(admin)
    some_contacts(3)
    run = finished(run)
    assert run.total == 7
    assert tally(run) == (7, 0, 0)


def test_a_double_click_is_one_run() -> None:
    admin = a_user()
    some_contacts(3)
    first = add_tag(admin, idempotency_key="form-1")
    again = add_tag(admin, idempotency_key="form-1")
    assert first.id == again.id
    assert runs_and_chunks() == (1, 1)


def test_the_same_key_for_something_else_is_a_conflict() -> None:
    admin = a_user()
    some_contacts(3)
    add_tag(admin, idempotency_key="form-1")
    with pytest.raises(Conflict):
        add_tag(admin, "other", idempotency_key="form-1")
    assert runs_and_chunks() == (1, 1)


def test_the_same_key_for_as_many_other_records_is_a_conflict() -> None:
    admin, module, action = a_user(), contacts(), get_action("add_tags")
    ids = some_contacts(3)

    def ticked(chosen: list[int]) -> Audience:
        selection = new_selection(admin, module)
        tick(selection, chosen)
        return of_selection(selection, module, admin)

    def all_but(excepted: int) -> Audience:
        selection = new_selection(admin, module)
        take_all(selection, Query())
        untick(selection, [excepted])
        return of_selection(selection, module, admin)

    def by_id(chosen: list[int]) -> Audience:
        return of_ids(chosen, module, admin)

    def begin(audience: Audience, key: str) -> int:
        return start(action, module, audience, {"tags": ["a"]}, admin, idempotency_key=key).id

    for key, asked, other in (
        ("ticked", ticked(ids[:2]), ticked(ids[1:])),
        ("excepted", all_but(ids[0]), all_but(ids[1])),
        ("named", by_id(ids[:2]), by_id(ids[1:])),
    ):
        first = begin(asked, key)
        assert begin(asked, key) == first
        with pytest.raises(Conflict):
            begin(other, key)
    assert begin(ticked(ids[1::-1]), "ticked") == begin(ticked(ids[:2]), "ticked")
    assert runs_and_chunks() == (3, 3)


def test_the_same_key_gives_the_same_run_when_its_records_are_gone_by_now() -> None:
    admin, module, action = a_user(), contacts(), get_action("delete")
    ids = some_contacts(2)
    first = start(action, module, of_ids(ids, module, admin), {}, admin, idempotency_key="k")
    finished(first)
    again = start(action, module, of_ids(ids, module, admin), {}, admin, idempotency_key="k")
    assert again.id == first.id


def test_somebody_elses_key_is_no_conflict() -> None:
    admin, manager = a_user(), a_user("manager")
    some_contacts(3)
    add_tag(admin, idempotency_key="form-1")
    add_tag(manager, "other", idempotency_key="form-1")
    assert runs_and_chunks()[0] == 2


def test_a_drifted_audience_is_refused_with_its_new_count() -> None:
    admin = a_user()
    some_contacts(3)
    with pytest.raises(Drifted) as refused:
        add_tag(admin, expected=2)
    assert (refused.value.expected, refused.value.count) == (2, 3)
    assert runs_and_chunks() == (0, 0)
    assert add_tag(admin, expected=3).total == 3


def test_nothing_selected_starts_nothing() -> None:
    admin = a_user()
    with pytest.raises(Refused, match="Nothing is selected"):
        add_tag(admin)
    assert runs_and_chunks() == (0, 0)


@pytest.mark.parametrize("role", ["support_lead"])
def test_who_may_not_tag_starts_nothing(role: str) -> None:
    user = a_user(role)
    some_contacts(3)
    with pytest.raises(NotAllowed):
        add_tag(user)
    assert runs_and_chunks() == (0, 0)


def test_retry_takes_the_failed_records_only() -> None:
    admin = a_user()
    ids = some_contacts(5)
    run = run_action("update_fields", admin, replace__email="@=>x")
    assert tally(run) == (0, 0, 5)
    again = finished(retry(run, contacts(), admin))
    assert again.retry_of == run.id
    assert tally(again) == (0, 0, 5)
    assert again.params == run.params
    done = run_action("add_tags", admin, f"id:is:{ids[0]}", tags="vip")
    with pytest.raises(Refused, match="Nothing is selected"):
        retry(done, contacts(), admin)


def test_what_a_retry_made_good_is_not_retried_again() -> None:
    admin = a_user()
    ids = some_contacts(4)
    run = run_action("update_fields", admin, replace__email="example=>")
    assert tally(run) == (0, 0, 4)
    db.session.execute(
        text("UPDATE contacts SET email = 'examplea@b.no' WHERE id <= :id"), {"id": ids[2]}
    )
    db.session.commit()
    first = finished(retry(run, contacts(), admin))
    assert tally(first) == (3, 0, 1)
    db.session.execute(text("UPDATE contacts SET email = 'example' || 'b@c.no'"))
    db.session.commit()
    of_the_retry = finished(retry(first, contacts(), admin))
    assert tally(of_the_retry) == (1, 0, 0)
    for each in (run, first):
        with pytest.raises(Refused, match="Nothing is selected"):
            retry(each, contacts(), admin)


def test_a_retry_is_not_started_twice_at_once() -> None:
    admin, boss = a_user(), a_user("manager")
    some_contacts(2)
    run = run_action("update_fields", admin, replace__email="@=>x")
    first = retry(run, contacts(), admin, idempotency_key="click")
    assert retry(run, contacts(), admin, idempotency_key="click").id == first.id
    with pytest.raises(Refused, match="being retried already"):
        retry(run, contacts(), boss, idempotency_key="click")


def test_what_was_taken_back_is_not_taken_back_again() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run = run_action("add_tags", admin, tags="vip")
    db.session.execute(text("DELETE FROM contact_tags WHERE contact_id = :id"), {"id": ids[0]})
    db.session.commit()
    assert tally(undo_run(run, admin)) == (2, 1, 0)
    run_action("add_tags", admin, tags="vip")
    again = undo_run(run, admin)
    assert [each.item for each in results(again)] == [ids[0]]
    assert tags_of(ids[1]) == ["vip"]
    with pytest.raises(Refused, match="Nothing is selected"):
        undo(run, contacts(), admin)


def test_a_run_that_goes_on_cannot_be_undone_or_retried() -> None:
    admin = a_user()
    some_contacts(3)
    run = add_tag(admin)
    with pytest.raises(Refused, match="ended"):
        undo(run, contacts(), admin)
    with pytest.raises(Refused, match="ended"):
        retry(run, contacts(), admin)


def test_an_undo_is_not_started_twice_at_once() -> None:
    admin = a_user()
    some_contacts(3)
    run = run_action("add_tags", admin, tags="vip")
    first = undo(run, contacts(), admin)
    with pytest.raises(Refused, match="already"):
        undo(run, contacts(), admin)
    assert tally(finished(first)) == (3, 0, 0)


def test_an_undo_needs_the_permission_of_what_it_undoes() -> None:
    admin, support = a_user(), a_user("support_lead")
    some_contacts(3)
    run = run_action("add_tags", admin, tags="vip")
    with pytest.raises(NotAllowed):
        undo(run, contacts(), support)
    with pytest.raises(Refused, match="cannot be undone"):
        undo(undo_run(run, admin), contacts(), admin)


def test_a_run_is_named_by_what_it_does_unless_the_user_names_it() -> None:
    admin = a_user()
    some_contacts(1)
    assert add_tag(admin).name == "Add tag vip"
    assert add_tag(admin, name="  Spring   fair ").name == "Spring fair"
    assert fresh(start_action("add_tags", admin, tags="a,b")).name == "Add tags a, b"
