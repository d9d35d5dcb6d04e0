"""Rows made into records, with their results."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text

from massadmin.extensions import db
from massadmin.imports.staging import drop_rows
from massadmin.records.contacts import Contact
from massadmin.records.modules import CustomField
from massadmin.runs.execute import drain, work_once
from massadmin.runs.models import RunResult
from tests.factories import (
    a_user,
    contact,
    contacts,
    finished,
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
from tests.imports.files import (
    STAGED,
    counts,
    run_import,
    staged,
    staged_unknown,
    start_import,
)
from tests.reads import entries_read

pytestmark = pytest.mark.usefixtures("db_session")


def by_email(email: str) -> Contact:
    db.session.rollback()
    return db.session.execute(
        select(Contact).where(Contact.email == email).execution_options(populate_existing=True)
    ).scalar_one()


def everybody() -> list[Contact]:
    db.session.rollback()
    return list(db.session.scalars(select(Contact).order_by(Contact.id)))


def custom(key: str, type: str) -> None:
    db.session.add(CustomField(module="contacts", key=key, label=key.title(), type=type))
    db.session.commit()


def test_new_rows_become_new_records() -> None:
    custom("score", "number")
    run = run_import(
        a_user(),
        "First name,Last name,Email,Phone,Country,Status,Tags,Score,DND email,Last activity",
        'José,Müller,Jose@X.com,020 7946 0018,GB,lead,"vip, 2026",12.5,yes,2026-01-02T03:04:05Z',
        "Ada,,ada@x.com,,,,,,,",
    )
    assert counts(run) == (2, 0, 0, 0)
    jose = by_email("Jose@x.com")
    assert (jose.first_name, jose.last_name, jose.phone) == ("José", "Müller", "+442079460018")
    assert (jose.status, jose.custom, jose.dnd_email, jose.dnd_sms) == (
        "Lead",
        {"score": 12.5},
        True,
        False,
    )
    assert tags_of(jose.id) == ["2026", "vip"]
    ada = by_email("ada@x.com")
    assert (ada.last_name, ada.custom, ada.owner_id, ada.dnd_email) == (None, {}, None, False)
    first, second = results(run)
    assert (first.item, first.record_id, first.before) == (2, jose.id, None)
    assert first.after == {
        "first_name": "José",
        "last_name": "Müller",
        "email": "Jose@x.com",
        "phone": "+442079460018",
        "country": "GB",
        "status": "Lead",
        "custom.score": 12.5,
        "dnd_email": True,
        "last_activity_at": "2026-01-02T03:04:05+00:00",
        "tags_added": ["2026", "vip"],
    }
    assert second.after == {"first_name": "Ada", "email": "ada@x.com"}


def test_rows_that_match_change_their_records_and_empty_cells_keep() -> None:
    (known,) = some_contacts(1, city="Rome", phone="+4721234567")
    run = run_import(a_user(), "Email,City,Phone,State", "P1@Example.com,Oslo,,NY")
    assert counts(run) == (0, 1, 0, 0)
    changed = contact(known)
    assert (changed.city, changed.phone, changed.state) == ("Oslo", "+4721234567", "NY")
    assert changed.email == "p1@example.com"
    assert changed.updated_at > changed.created_at
    (result,) = results(run)
    assert (result.item, result.record_id) == (2, known)
    assert result.before == {"city": "Rome", "state": None}
    assert result.after == {"city": "Oslo", "state": "NY"}


def test_empty_cells_clear_when_asked_but_not_those_left_out() -> None:
    custom("plan", "text")
    custom("born", "date")
    admin = a_user()
    (known,) = some_contacts(
        1, city="Rome", phone="+4721234567", dnd_email=True, state="Lazio", owner_id=admin.id
    )
    db.session.execute(
        text("""UPDATE contacts SET custom = '{"plan": "gold", "born": "2000-01-01", "x": 1}'""")
    )
    db.session.commit()
    run = run_import(
        admin,
        "Email,City,Phone,DND email,Plan,Born,Owner",
        "p1@example.com,,no number,,,whenever,",
        empty="clear",
    )
    assert counts(run) == (0, 1, 0, 0)
    changed = contact(known)
    assert (changed.city, changed.phone, changed.dnd_email) == (None, "+4721234567", False)
    assert (changed.state, changed.custom) == ("Lazio", {"born": "2000-01-01", "x": 1})
    assert changed.owner_id == admin.id
    (result,) = results(run)
    assert result.before == {"city": "Rome", "dnd_email": True, "custom.plan": "gold"}
    assert result.after == {"city": None, "dnd_email": False, "custom.plan": None}
    assert "Left out: Phone" in str(result.reason)


def test_a_record_that_is_so_already_is_skipped() -> None:
    some_contacts(2, city="Rome")
    before = world()
    run = run_import(
        a_user(), "Email,City,Phone", "p1@example.com,Rome,", "p2@example.com,Rome,nonsense"
    )
    assert tally(run) == (0, 2, 0)
    assert reasons(run) == {
        "Already so": 1,
        "Already so; Left out: Phone is not a possible phone number": 1,
    }
    assert [each.record_id for each in results(run)] == [each[0] for each in before]
    assert world() == before


def test_the_same_file_again_changes_nothing() -> None:
    admin = a_user()
    lines = ("Email,Name,Tags", "a@x.com,Ada Lovelace,vip", "b@x.com,Bob Byrne,vip")
    assert counts(run_import(admin, *lines)) == (2, 0, 0, 0)
    once = world()
    assert counts(run_import(admin, *lines)) == (0, 0, 2, 0)
    assert world() == once


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"on_match": "update"}, (1, 1, 0, 0)),
        ({"on_match": "skip"}, (1, 0, 1, 0)),
        ({"on_match": "create"}, (2, 0, 0, 0)),
        ({"unmatched": "skip"}, (0, 1, 1, 0)),
        ({"on_match": "skip", "unmatched": "skip"}, (0, 0, 2, 0)),
        ({"on_match": "create", "unmatched": "skip"}, (1, 0, 1, 0)),
        ({"match": None}, (2, 0, 0, 0)),
        ({"match": None, "unmatched": "skip"}, (0, 0, 2, 0)),
    ],
)
def test_the_policy_decides(policy: dict[str, Any], expected: tuple[int, int, int, int]) -> None:
    some_contacts(1)
    run = run_import(
        a_user(), "Email,City", "p1@example.com,Oslo", "new@example.com,Oslo", **policy
    )
    assert counts(run) == expected
    created = expected[0]
    assert len(everybody()) == 1 + created


def test_matching_on_phone_and_on_id() -> None:
    one, two = some_contacts(2)
    db.session.execute(
        text("UPDATE contacts SET phone = '+4721234567' WHERE id = :id"), {"id": two}
    )
    db.session.commit()
    admin = a_user()
    run_import(admin, "Phone,City", "21 23 45 67,Oslo", match="phone", country="NO")
    assert (contact(one).city, contact(two).city) == (None, "Oslo")
    run = run_import(
        admin, "ID,City", f"{one},Rome", "999999,Paris", ",Bonn", "12x,Cadiz", match="id",
        maps={"ID": "id"},
    )  # fmt: skip
    assert contact(one).city == "Rome"
    assert counts(run) == (1, 1, 0, 2)
    assert reasons(run) == {"": 2, "No record has this ID": 1, "ID is not a number": 1}


def test_rows_that_cannot_be_used_fail_and_the_others_are_imported() -> None:
    run = run_import(
        a_user(),
        "Email,First name,Last name",
        "a@x.com,Ada,Lovelace",
        ",Foo,Bar",
        "nonsense,Foo,Bar",
        "b@x.com,short",
        "c@x.com,too,many,cells",
        ",,",
        "d@x.com,Dora,Dee",
    )
    assert counts(run) == (2, 0, 0, 4)  # a row of blanks is no row
    assert reasons(run)["No e-mail, by which rows are matched"] == 1
    assert reasons(run)["E-mail is not a valid address"] == 1
    assert [each.item for each in results(run) if each.outcome == "failed"] == [3, 4, 5, 6]


def test_a_duplicate_inside_the_file_is_skipped_with_the_first_line() -> None:
    run = run_import(
        a_user(), "Email,Name", "a@x.com,First Row", "A@X.com,Second Row", "b@x.com,Other Row"
    )
    assert counts(run) == (2, 0, 1, 0)
    assert reasons(run)["Same e-mail as line 2"] == 1
    assert [each.last_name for each in everybody()] == ["Row", "Row"]
    assert everybody()[0].first_name == "First"


def test_of_several_records_that_match_the_oldest_is_changed() -> None:
    one, two = some_contacts(2)
    db.session.execute(text("UPDATE contacts SET email = 'same@x.com'"))
    db.session.commit()
    run = run_import(a_user(), "Email,City", "same@x.com,Oslo")
    assert (contact(one).city, contact(two).city) == ("Oslo", None)
    assert reasons(run) == {"2 records match; the oldest was taken": 1}


def test_what_lies_in_the_trash_does_not_match() -> None:
    admin = a_user()
    (known,) = some_contacts(1)
    run_action("delete", admin, confirm="DELETE")
    assert counts(run_import(admin, "Email,City", "p1@example.com,Oslo")) == (1, 0, 0, 0)
    assert contact(known).city is None


def test_tags_of_the_file_and_of_the_policy_are_put_on() -> None:
    (known,) = some_contacts(1)
    admin = a_user()
    run_action("add_tags", admin, tags="Old")
    run = run_import(
        admin, "Email,Tags", 'p1@example.com,"old, vip"', "new@x.com,VIP", tags=["fair", "vip"]
    )
    assert counts(run) == (1, 1, 0, 0)
    assert tags_of(known) == ["Old", "fair", "vip"]
    assert tags_of(by_email("new@x.com").id) == ["fair", "vip"]
    changed, created = results(run)
    assert changed.before == {}
    assert sorted((changed.after or {})["tags_added"]) == ["fair", "vip"]
    assert (created.after or {})["tags_added"] == ["fair", "vip"]


def test_owners_are_named_by_email() -> None:
    admin, manager = a_user(), a_user("manager")
    run = run_import(
        admin,
        "Email,Owner",
        "a@x.com,manager@example.com",
        "b@x.com,Manager",
        "c@x.com,",
        "d@x.com,stranger@x.com",
        owner=admin.id,
    )
    owners = {each.email: each.owner_id for each in everybody()}
    assert owners == {
        "a@x.com": manager.id,
        "b@x.com": manager.id,
        "c@x.com": admin.id,
        "d@x.com": admin.id,
    }
    assert reasons(run)["Left out: Owner is no active user"] == 1
    assert (results(run)[2].after or {})["owner_id"] == admin.id


def test_a_member_owns_what_they_import_and_reaches_only_their_own() -> None:
    admin, member = a_user(), a_user("member")
    (foreign,) = some_contacts(1, owner_id=admin.id)
    lines = ("Email,City,Owner", "p1@example.com,Oslo,", "mine@x.com,Oslo,admin@example.com")
    run = run_import(member, *lines)
    assert counts(run) == (1, 0, 1, 0)
    assert reasons(run)["Matches a record of somebody else"] == 1
    assert contact(foreign).city is None
    assert by_email("mine@x.com").owner_id == member.id
    again = run_import(member, "Email,City", "mine@x.com,Rome")
    assert counts(again) == (0, 1, 0, 0)


def test_a_company_file_without_email_makes_contacts_of_companies() -> None:
    run = run_import(
        a_user(), "NAME,ANNUALREVENUE,BILLINGCITY", "Acme,12,Oslo", "Crédito,1,", match="email"
    )
    assert counts(run) == (2, 0, 0, 0)
    assert [each.company_name for each in everybody()] == ["Acme", "Crédito"]


def test_a_row_that_the_database_refuses_fails_alone() -> None:
    db.session.execute(
        text("ALTER TABLE contacts ADD CONSTRAINT no_cadiz CHECK (city <> 'Cadiz') NOT VALID")
    )
    db.session.commit()
    try:
        lines = [f"p{number}@x.com,{'Cadiz' if number == 5 else 'Oslo'}" for number in range(9)]
        run = run_import(a_user(), "Email,City", *lines)
    finally:
        db.session.rollback()
        db.session.execute(text("ALTER TABLE contacts DROP CONSTRAINT no_cadiz"))
        db.session.commit()
    assert counts(run) == (8, 0, 0, 1)
    (failed,) = [each for each in results(run) if each.outcome == "failed"]
    assert failed.item == 7
    assert "no_cadiz" in str(failed.reason)


def test_rows_that_are_not_kept_any_more_fail() -> None:
    admin = a_user()
    file = staged(admin, "Email", "a@x.com", "b@x.com")
    run = start_import(admin, file=file)
    drop_rows(file.id)
    db.session.commit()
    run = finished(run)
    assert tally(run) == (0, 0, 2)
    assert list(reasons(run)) == ["Its row is not kept any more; import the file again"]


def test_a_chunk_that_is_interrupted_is_done_again_without_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from massadmin.imports import writing

    run = start_import(a_user(), "Email,Tags", *(f"p{n}@x.com,vip" for n in range(10)))
    original = writing._write_ended

    def dies(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing._Writing, "_leave_the_rest", dies)
    monkeypatch.setattr(writing, "_write_ended", dies)
    with pytest.raises(KeyboardInterrupt):
        work_once(run.id)
    monkeypatch.setattr(writing, "_write_ended", original)
    assert everybody() == []
    assert db.session.scalar(select(RunResult.item).limit(1)) is None
    assert tally(finished(run)) == (10, 0, 0)
    assert len(everybody()) == 10


def test_a_wide_mapping_of_custom_fields() -> None:
    keys = [f"field_{number}" for number in range(130)]
    for key in keys:
        db.session.add(CustomField(module="contacts", key=key, label=key, type="text"))
    db.session.commit()
    admin = a_user()
    header = ",".join(["Email", *keys])
    values = [f"value {key}" for key in keys]
    run_import(admin, header, ",".join(["a@x.com", *values]))
    assert by_email("a@x.com").custom == {key: f"value {key}" for key in keys}
    run = run_import(admin, header, ",".join(["a@x.com", "new", *values[1:-1], "last"]))
    assert results(run)[0].after == {"custom.field_0": "new", "custom.field_129": "last"}
    assert tally(undo_run(run, admin)) == (1, 0, 0)
    assert by_email("a@x.com").custom == {key: f"value {key}" for key in keys}
    assert contacts().field("custom.field_0").label == "field_0"


def test_each_row_is_read_a_few_times_of_a_file_that_nobody_analyzed() -> None:
    user = a_user()
    file = staged_unknown(user, *("Email", *(f"p{n % 1_000}@x.com" for n in range(2_000))))
    run = start_import(user, file=file)
    with entries_read(*STAGED) as read:
        drain(run.id)
    assert read.count < 10 * 2_000
    assert counts(fresh(run)) == (0, 0, 2_000, 0)
