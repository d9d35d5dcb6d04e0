"""Seeded contacts: believable, consistent, the same for the same seed, reachable by nobody."""

from __future__ import annotations

import math
from typing import Any

import pytest
from flask_sqlalchemy.session import Session
from sqlalchemy import text
from sqlalchemy.orm import scoped_session

from massadmin.records import seed as seeding
from massadmin.records import seed_words as words
from massadmin.records import values
from massadmin.records.contacts import STATUSES
from tests.factories import a_user, tags_of, world

COUNT = 600


def seeded(session: scoped_session[Session], **options: Any) -> list[Any]:
    """Contacts of a fresh seed, as mappings."""
    assert seeding.seed(COUNT, **options) == COUNT
    return [row._mapping for row in session.execute(text("SELECT * FROM contacts ORDER BY id"))]


@pytest.fixture
def owners(db_session: scoped_session[Session]) -> list[int]:
    return [a_user("member").id, a_user("manager").id]


def test_the_same_seed_makes_the_same_contacts(
    db_session: scoped_session[Session], owners: list[int]
) -> None:
    seeded(db_session, owners=owners)
    first, tags = world(), tags_of(1) + tags_of(2) + tags_of(3)
    db_session.execute(text("TRUNCATE contacts, contact_tags RESTART IDENTITY"))
    seeded(db_session, owners=owners)
    assert world() == first
    assert tags_of(1) + tags_of(2) + tags_of(3) == tags
    db_session.execute(text("TRUNCATE contacts, contact_tags RESTART IDENTITY"))
    seeded(db_session, owners=owners, seed=2)
    assert world() != first


def test_how_many_are_made_at_once_makes_no_difference(
    db_session: scoped_session[Session], owners: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(db_session, owners=owners)
    whole = world()
    db_session.execute(text("TRUNCATE contacts, contact_tags RESTART IDENTITY"))
    monkeypatch.setattr(seeding, "AT_ONCE", 250)
    made: list[int] = []
    seeded(db_session, owners=owners, on_progress=made.append)
    assert made == [250, 500, 600]
    assert world() == whole


def test_no_address_comes_twice_however_often_it_is_seeded(
    db_session: scoped_session[Session], owners: list[int]
) -> None:
    seeded(db_session, owners=owners)
    contacts = seeded(db_session, owners=owners, seed=2)
    emails = [each["email"] for each in contacts if each["email"]]
    assert len(contacts) == 2 * COUNT
    assert len(emails) > COUNT
    assert len(set(emails)) == len(emails)
    assert all(email.endswith(".example") for email in emails)


def test_every_value_is_one_that_the_console_would_take(
    db_session: scoped_session[Session], owners: list[int]
) -> None:
    places = {place.city: place for place in words.PLACES}
    for each in seeded(db_session, owners=owners):
        place = places[each["city"]]
        assert (each["state"], each["country"]) == (place.state, place.country)
        assert each["time_zone"] == values.time_zone(place.time_zone)
        assert each["postal_code"]
        assert "#" not in each["postal_code"]
        assert each["status"] in STATUSES
        assert each["first_name"] in words.first_names(place.culture)
        assert each["last_name"] in words.last_names(place.culture)
        assert each["email"] or each["phone"]
        if each["email"]:
            assert values.email(each["email"]) == each["email"]
        if each["phone"]:
            assert values.phone(each["phone"]) == each["phone"]
            assert each["phone"].startswith(place.phone)
        assert each["owner_id"] in (*owners, None)
        assert each["created_at"] <= each["updated_at"]
        assert each["last_activity_at"] is None or each["created_at"] <= each["last_activity_at"]
        assert each["status"] != "Unsubscribed" or each["dnd_email"]


def test_it_looks_like_a_crm(db_session: scoped_session[Session], owners: list[int]) -> None:
    contacts = seeded(db_session, owners=owners)
    shares = {
        "with tags": db_session.scalar(text("SELECT count(DISTINCT contact_id) FROM contact_tags")),
        "leads": sum(each["status"] == "Lead" for each in contacts),
        "of the first owner": sum(each["owner_id"] == owners[0] for each in contacts),
        "without company": sum(each["company_name"] is None for each in contacts),
    }
    rough = {"with tags": 0.40, "leads": 0.38, "of the first owner": 0.70, "without company": 0.08}
    for what, share in rough.items():
        assert shares[what] == pytest.approx(share * COUNT, abs=0.07 * COUNT), what
    assert len({each["country"] for each in contacts}) > 10
    years = {each["created_at"].year for each in contacts}
    assert len(years) >= seeding.YEARS


def test_names_and_companies_are_enough_for_unique_addresses() -> None:
    lasts = [
        words.in_address(name) for culture in words.CULTURES for name in words.last_names(culture)
    ]
    assert len(set(lasts)) == len(lasts) == words.NAMES_EACH * len(words.CULTURES)
    for culture in words.CULTURES:
        firsts = {words.in_address(name) for name in words.first_names(culture)}
        assert len(firsts) == words.NAMES_EACH
    pairs = {
        (first + second).lower() for first in words.COMPANY_FIRST for second in words.COMPANY_SECOND
    }
    assert len(pairs) == len(words.COMPANY_FIRST) * len(words.COMPANY_SECOND)
    assert math.gcd(seeding._STEP, seeding._COMBINATIONS) == 1


def test_without_users_contacts_have_no_owner(db_session: scoped_session[Session]) -> None:
    assert {each["owner_id"] for each in seeded(db_session)} == {None}
