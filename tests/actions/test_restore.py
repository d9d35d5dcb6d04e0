"""Restore, and what becomes of addresses that are in use."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.filters import Query
from massadmin.records.modules import CustomField
from massadmin.runs.action import BadParams, get_action
from massadmin.runs.audience import of_query, of_results
from massadmin.runs.execute import drain
from massadmin.runs.models import Run
from massadmin.runs.preview import preview
from massadmin.runs.start import start
from tests.factories import (
    a_user,
    contact,
    contacts,
    finished,
    reasons,
    results,
    run_action,
    some_contacts,
    start_action,
    tags_of,
    tally,
    world,
)

pytestmark = pytest.mark.usefixtures("db_session")


def a_contact(**columns: Any) -> int:
    """The id of a new contact."""
    row = Contact(**columns)
    db.session.add(row)
    db.session.commit()
    return row.id


def deleted(user: Any, **columns: Any) -> int:
    """The id of a new contact that was deleted."""
    contact_id = a_contact(**columns)
    run_action("delete", user, f"id:is:{contact_id}", confirm="DELETE")
    return contact_id


def test_a_whole_deletion_comes_back_as_it_was() -> None:
    admin = a_user()
    some_contacts(3, city="Rome")
    run_action("add_tags", admin, tags="old")
    before = world()
    run = run_action("delete", admin, confirm="DELETE")
    deleted(admin, first_name="Other")
    audience = of_query(Query(trash=True, deleted_run=run.id), contacts(), admin)
    restored = finished(
        start(get_action("restore"), contacts(), audience, {"on_conflict": "skip"}, admin)
    )
    assert tally(restored) == (3, 0, 0)
    assert world()[:3] == before
    assert world()[3] not in before


def test_it_also_takes_the_results_of_the_deletion() -> None:
    admin = a_user()
    some_contacts(2)
    run = run_action("delete", admin, confirm="DELETE")
    audience = of_results(run.id, "succeeded")
    restored = finished(
        start(get_action("restore"), contacts(), audience, {"on_conflict": "skip"}, admin)
    )
    assert tally(restored) == (2, 0, 0)


def test_whose_address_is_in_use_stays() -> None:
    admin = a_user()
    first = deleted(admin, email="ada@example.com")
    without = deleted(admin, first_name="No address")
    a_contact(email="Ada@Example.com")
    run = run_action("restore", admin, on_conflict="skip")
    assert reasons(run) == {"Another contact uses its e-mail now": 1, "": 1}
    assert contact(first).deleted_at is not None
    assert contact(without).deleted_at is None


def test_of_two_deleted_with_one_address_the_first_comes_back() -> None:
    admin = a_user()
    first = deleted(admin, email="ada@example.com")
    second = deleted(admin, email="ADA@example.com")
    run = run_action("restore", admin)
    assert [each.outcome for each in results(run)] == ["succeeded", "skipped"]
    assert contact(first).deleted_at is None
    assert contact(second).deleted_at is not None


def test_two_that_were_deleted_side_by_side_come_back_side_by_side() -> None:
    admin = a_user()
    some_contacts(150)
    a_contact(email="P1@example.com")
    run_action("delete", admin, confirm="DELETE")
    run = run_action("restore", admin)
    assert len({each.seq for each in results(run)}) == 2
    assert tally(run) == (151, 0, 0)


def test_side_by_side_is_no_reason_when_somebody_else_has_the_address_now() -> None:
    admin = a_user()
    for _ in range(2):
        a_contact(email="ada@example.com")
    run_action("delete", admin, confirm="DELETE")
    a_contact(email="ada@example.com")
    assert tally(run_action("restore", admin)) == (0, 2, 0)


def test_it_can_come_back_without_the_address() -> None:
    admin = a_user()
    gone = deleted(admin, first_name="Ada", email="ada@example.com")
    a_contact(email="ada@example.com")
    run = run_action("restore", admin, on_conflict="without_email")
    assert tally(run) == (1, 0, 0)
    back = contact(gone)
    assert (back.first_name, back.email, back.deleted_at) == ("Ada", None, None)
    (result,) = results(run)
    assert (result.before, result.after) == ({"email": "ada@example.com"}, {"email": None})


def test_merging_fills_what_is_empty_and_loses_nothing() -> None:
    admin = a_user()
    db.session.add(CustomField(module="contacts", key="size", label="Size", type="number"))
    db.session.add(CustomField(module="contacts", key="plan", label="Plan", type="text"))
    gone = deleted(
        admin,
        first_name="Ada",
        email="ada@example.com",
        city="Oslo",
        phone="+4721234567",
        dnd_email=True,
        custom={"size": 5, "plan": "gold"},
    )
    live = a_contact(
        email="ADA@example.com", city="Bergen", dnd_sms=True, custom={"plan": "silver"}
    )
    run_action("add_tags", admin, f"id:is:{live}", tags="vip")
    db.session.execute(
        text("INSERT INTO tags (name) VALUES ('old')"),
    )
    db.session.execute(
        text("INSERT INTO contact_tags SELECT :id, id FROM tags"),
        {"id": gone},
    )
    db.session.commit()
    run = run_action("restore", admin, on_conflict="merge")
    assert tally(run) == (1, 0, 0)
    merged = contact(live)
    assert (merged.first_name, merged.city, merged.phone) == ("Ada", "Bergen", "+4721234567")
    assert merged.email == "ADA@example.com"
    assert (merged.dnd_email, merged.dnd_sms, merged.dnd_calls) == (True, True, False)
    assert merged.custom == {"size": 5, "plan": "silver"}
    assert tags_of(live) == ["old", "vip"]
    (result,) = results(run)
    assert (result.item, result.record_id) == (gone, live)
    assert result.reason == "Merged; what differs stays with the deleted one"
    assert result.before == {
        "first_name": None,
        "phone": None,
        "dnd_email": False,
        "custom.size": None,
    }
    assert result.after == {
        "first_name": "Ada",
        "phone": "+4721234567",
        "dnd_email": True,
        "custom.size": 5,
        "tags_added": ["old"],
        "not_taken_over": ["City: Oslo", "Plan: gold"],
    }


def test_a_merge_fills_the_last_of_very_many_fields_and_is_told() -> None:
    admin = a_user()
    for number in range(130):
        key = f"f{number}"
        db.session.add(CustomField(module="contacts", key=key, label=key, type="text"))
    db.session.commit()
    gone = deleted(admin, email="ada@example.com", custom={"f0": "first", "f129": "last"})
    live = a_contact(email="ada@example.com")
    run = run_action("restore", admin, on_conflict="merge")
    assert tally(run) == (1, 0, 0)
    assert contact(live).custom == {"f0": "first", "f129": "last"}
    found = {each.record_id: each.after for each in results(run)}
    assert found[live] == {"custom.f0": "first", "custom.f129": "last"}
    assert gone not in found


def test_a_merged_one_stays_in_the_trash_as_deleted_by_the_merge() -> None:
    admin, lead = a_user(), a_user("support_lead")
    gone = deleted(admin, email="ada@example.com", city="Oslo")
    live = a_contact(email="ada@example.com")
    run = run_action("restore", lead, on_conflict="merge")
    kept = contact(gone)
    assert kept.deleted_at is not None
    assert (kept.deleted_by, kept.deleted_run_id, kept.city) == (lead.id, run.id, "Oslo")
    assert reasons(run) == {"Merged into the contact that uses its e-mail now": 1}
    after = world()
    again = run_action("restore", lead, on_conflict="merge")
    assert reasons(again) == {"Merged before into the contact that uses its e-mail": 1}
    assert world() == after
    assert contact(live).city == "Oslo"


def test_several_merge_into_one_the_first_value_of_each_field_winning() -> None:
    admin = a_user()
    one = deleted(admin, email="a@example.com", city="Oslo")
    two = deleted(admin, email="a@example.com", city="Rome", state="Lazio", custom={"x": "1"})
    live = a_contact(email="a@example.com")
    run = run_action("restore", admin, on_conflict="merge")
    assert tally(run) == (2, 0, 0)
    merged = contact(live)
    assert (merged.city, merged.state, merged.custom) == ("Oslo", "Lazio", {"x": "1"})
    first, second = results(run)
    assert (first.item, first.after) == (one, {"city": "Oslo"})
    assert (second.item, second.after) == (
        two,
        {"state": "Lazio", "not_taken_over": ["City: Rome"]},
    )


def test_of_two_deleted_with_one_address_the_second_merges_into_the_first() -> None:
    admin = a_user()
    first = deleted(admin, email="a@example.com")
    deleted(admin, email="a@example.com", city="Rome")
    run = run_action("restore", admin, on_conflict="merge")
    assert tally(run) == (2, 0, 0)
    assert contact(first).city == "Rome"
    assert [each.record_id for each in results(run)] == [first, first]


def test_the_preview_shows_conflicts_and_changes_nothing() -> None:
    admin = a_user()
    deleted(admin, email="ada@example.com")
    deleted(admin, email="eve@example.com")
    a_contact(email="ada@example.com")
    before = world()
    shown = preview(
        get_action("restore"),
        contacts(),
        of_query(Query(trash=True), contacts(), admin),
        {"on_conflict": "skip"},
        admin,
    )
    assert shown.tally == {"succeeded": 1, "failed": 0, "skipped": 1}
    assert shown.reasons == [("skipped", "Another contact uses its e-mail now", 1)]
    assert world() == before


def test_what_is_no_longer_in_the_trash_is_skipped() -> None:
    admin = a_user()
    deleted(admin, email="ada@example.com")
    gone = deleted(admin, email="eve@example.com")
    run = start_action("restore", admin)
    run_action("restore", admin, f"id:is:{gone}")
    assert reasons(finished(run)) == {"": 1, "Not in the trash any more": 1}


def test_two_workers_never_bring_back_one_address_twice(app: Flask) -> None:
    admin = a_user()
    some_contacts(200)
    first = run_action("delete", admin, confirm="DELETE")
    some_contacts(200)
    second = run_action("delete", admin, confirm="DELETE")
    runs = [
        start(
            get_action("restore"),
            contacts(),
            of_query(Query(trash=True, deleted_run=each.id), contacts(), admin),
            {"on_conflict": "skip"},
            admin,
        ).id
        for each in (first, second)
    ]

    def work(run_id: int) -> None:
        with app.app_context():
            drain(run_id)

    workers = [threading.Thread(target=work, args=(each,)) for each in runs]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    db.session.rollback()
    states = list(db.session.scalars(select(Run.state).where(Run.id.in_(runs))))
    assert states == ["completed", "completed"]
    live = db.session.execute(
        text("SELECT count(*), count(DISTINCT email) FROM contacts WHERE deleted_at IS NULL")
    ).one()
    assert tuple(live) == (200, 200)


def test_only_the_three_ways_are_known() -> None:
    admin = a_user()
    deleted(admin)
    with pytest.raises(BadParams) as refused:
        run_action("restore", admin, on_conflict="overwrite")
    assert list(refused.value.errors) == ["on_conflict"]
