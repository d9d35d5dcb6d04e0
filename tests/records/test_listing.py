"""Lists: by keyset, in any order, forwards and backwards, without gap or repetition."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import insert

from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.filters import BadFilter, Query
from massadmin.records.listing import (
    Sort,
    count_all,
    count_up_to,
    list_page,
    one_record,
    shown_fields,
    title,
)
from massadmin.records.modules import CustomField
from tests.factories import a_user, contacts, run_action, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def mixed(db_session: object) -> list[int]:
    """Sixty contacts with many equal, missing and awkward values."""
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    db.session.add(CustomField(module="contacts", key="met", label="Met", type="date"))
    dice = random.Random(7)  # noqa: S311 - the same contacts in every run
    made: list[dict[str, Any]] = [
        {
            "last_name": dice.choice([None, "Å", "a", "A", "b" * 200, "b" * 199 + "c", "Zoë"]),
            "city": dice.choice([None, "Oslo"]),
            "dnd_sms": dice.choice([True, False]),
            "custom": dice.choice(
                [{}, {"score": 1}, {"score": -2.5}, {"score": 10, "met": "2026-01-05"}]
            ),
        }
        for _ in range(60)
    ]
    ids = db.session.scalars(insert(Contact).returning(Contact.id), made).all()
    db.session.commit()
    return sorted(ids)


SORTS = ["last_name", "city", "dnd_sms", "custom.score", "custom.met", "created_at", "owner_id",
         "last_activity_at", "id"]  # fmt: skip


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{each}" for each in SORTS)])
def test_paging_forth_and_back_shows_every_record_once(mixed: list[int], sort: str) -> None:
    admin, module = a_user(), contacts()
    order = Sort.parse(module, sort)
    page = list_page(module, Query(), admin, sort=order, size=25)
    assert page.before is None
    forward = [[each["id"] for each in page.records]]
    while page.after:
        page = list_page(module, Query(), admin, sort=order, size=25, after=page.after)
        forward.append([each["id"] for each in page.records])
    assert [len(each) for each in forward] == [25, 25, 10]
    assert sorted(each for page_ids in forward for each in page_ids) == mixed
    backward = [forward[-1]]
    while page.before:
        page = list_page(module, Query(), admin, sort=order, size=25, before=page.before)
        backward.insert(0, [each["id"] for each in page.records])
        assert page.after is not None
    assert backward == forward


def test_text_is_ordered_without_regard_to_case_and_the_empty_comes_first(mixed: list[int]) -> None:
    admin, module = a_user(), contacts()
    page = list_page(module, Query(), admin, sort=Sort("last_name"), size=100)
    names = [(each["last_name"] or "").lower()[:64] for each in page.records]
    assert names == sorted(names)
    assert names[0] == ""


@pytest.mark.parametrize("token", ["x", "bnVsbA", "WyJpZCIsICIxIiwgMV0", "%%%", "W10"])
def test_a_token_from_elsewhere_is_refused(mixed: list[int], token: str) -> None:
    with pytest.raises(BadFilter, match="first page"):
        list_page(contacts(), Query(), a_user(), sort=Sort("last_name"), after=token)


@pytest.mark.parametrize("sort", ["nonsense", "-", "tags", "search"])
def test_an_unknown_order_is_refused(sort: str) -> None:
    with pytest.raises(BadFilter):
        Sort.parse(contacts(), sort)


def test_counts_are_exact_up_to_their_limit() -> None:
    admin = a_user()
    some_contacts(30)
    assert count_up_to(contacts(), Query(), admin, limit=50) == 30
    assert count_up_to(contacts(), Query(), admin, limit=20) == 21
    assert count_all(contacts(), Query(), admin) == 30


def test_one_record_as_far_as_the_user_may_see_it() -> None:
    admin, member = a_user(), a_user("member")
    (theirs,) = some_contacts(1, owner_id=member.id)
    (other,) = some_contacts(1)
    run_action("add_tags", admin, tags="b,A")
    seen = one_record(contacts(), theirs, member)
    assert seen is not None
    assert seen["tags"] == ["A", "b"]
    assert one_record(contacts(), other, member) is None
    assert one_record(contacts(), 999_999, admin) is None


def test_a_record_is_called_by_the_best_it_has() -> None:
    module = contacts()
    assert title(module, {"id": 1, "first_name": "Ann", "last_name": None}) == "Ann"
    assert title(module, {"id": 1, "email": "a@b.no"}) == "a@b.no"
    assert title(module, {"id": 7}) == "Contact 7"


def test_columns_fall_back_to_the_modules_own() -> None:
    module = contacts()
    assert [field.key for field in shown_fields(module, ["email", "gone", "city"])] == [
        "email",
        "city",
    ]
    assert len(shown_fields(module, [])) > 5
