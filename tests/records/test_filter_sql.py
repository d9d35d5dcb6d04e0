"""Filters as SQL: what they find is what plain Python finds among the same records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.filter_sql import where
from massadmin.records.filters import BadFilter, Condition, Query
from massadmin.records.modules import CustomField
from massadmin.records.tags import ContactTag, ensure_tags
from tests.factories import a_user, contacts, query, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")

NOW = datetime.now(UTC).replace(microsecond=0)
WORDS = ["Oslo", "oslo", "OSLO%", "o_lo", "Bergen", "Ås", "a|b", "'", "\\"]
STATUSES = ["Lead", "Customer"]
AGES = [0, 1, 3, 10, 400]


DAYS = ["2025-12-31", "2026-01-01", "2026-01-02", "2024-02-29"]
CUSTOM = {"score": "number", "plan": "choice", "note": "text", "renewal": "date", "gold": "boolean"}


def custom(number: int) -> dict[str, Any]:
    """Values of custom fields, of which each is missing here and there."""
    made = {
        "score": number - 5.5,
        "plan": ["free", "pro"][number % 2],
        "note": WORDS[number % len(WORDS)],
        "renewal": DAYS[number % 4],
        "gold": number % 3 == 0,
    }
    return {key: made[key] for place, key in enumerate(made) if (number + place) % 5}


def records() -> list[dict[str, Any]]:
    """A small, awkward CRM: every word, missing values, tags, numbers and dates."""
    made = []
    for number in range(24):
        made.append(
            {
                "city": [*WORDS, None][number % (len(WORDS) + 1)],
                "status": [*STATUSES, None][number % 3],
                "last_activity_at": None
                if number % 5 == 4
                else NOW - timedelta(days=AGES[number % 5], minutes=1),
                "dnd_email": number % 2 == 0,
                "custom": {} if number % 4 == 3 else custom(number),
            }
        )
    return made


@pytest.fixture
def crm(db_session: object) -> dict[int, dict[str, Any]]:
    for key, kind in CUSTOM.items():
        choices = ["free", "pro"] if kind == "choice" else []
        field = CustomField(module="contacts", key=key, label=key, type=kind, choices=choices)
        db.session.add(field)
    made = records()
    ids = db.session.scalars(
        insert(Contact).returning(Contact.id, sort_by_parameter_order=True), made
    ).all()
    tags = ensure_tags(["vip", "fair"])
    for record_id, record in zip(ids, made, strict=True):
        record["tags"] = {name for place, name in enumerate(tags) if record_id % (place + 2) == 0}
        for name in record["tags"]:
            db.session.add(ContactTag(contact_id=record_id, tag_id=tags[name]))
    db.session.commit()
    return dict(zip(ids, made, strict=True))


def in_python(record: dict[str, Any], condition: Condition) -> bool:
    key = condition.field.removeprefix("custom.")
    value = record["custom"].get(key) if key in CUSTOM else record[key]
    wanted = condition.value
    if condition.field == "tags":
        found = wanted in value if condition.op in ("has", "has_not") else bool(value)
        return found if condition.op in ("has", "not_empty") else not found
    if condition.op == "empty":
        return value is None
    if condition.op == "not_empty":
        return value is not None
    if key in ("city", "status", "plan", "note"):
        low, text = (value or "").lower(), wanted.lower()
        return {
            "is": value is not None and low == text,
            "is_not": value is None or low != text,
            "contains": value is not None and text in low,
            "starts": value is not None and low.startswith(text),
            "one_of": value is not None and low in text.split("|"),
        }[condition.op]
    if key in ("dnd_email", "gold"):
        return value is (wanted == "yes")
    if condition.op == "is_not":
        return value != float(wanted)
    if value is None:
        return False
    first, _, last = wanted.partition("..")
    if key == "score":
        if condition.op == "one_of":
            return value in map(float, wanted.split("|"))
        number = float(first)
        return {
            "is": value == number,
            "gt": value > number,
            "lt": value < number,
            "between": number <= value <= float(last or 0),
        }[condition.op]
    if key == "renewal":  # days as ISO writes them are ordered as text
        return {
            "is": value == wanted,
            "before": value < wanted,
            "after": value > wanted,
            "between": first <= value <= last,
        }[condition.op]
    edge = NOW - timedelta(days=int(wanted))
    return value >= edge if condition.op == "within_days" else value < edge


conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["city", "custom.note"]),
        st.sampled_from(["is", "is_not", "contains", "starts"]),
        st.sampled_from([*WORDS, "o", "%", "_", "lo"]),
    ),
    st.builds(
        Condition,
        st.just("custom.plan"),
        st.sampled_from(["is", "is_not", "one_of", "starts"]),
        st.sampled_from(["free", "PRO", "f"]),
    ),
    st.builds(
        Condition,
        st.just("custom.renewal"),
        st.sampled_from(["is", "before", "after"]),
        st.sampled_from([*DAYS, "2030-01-01"]),
    ),
    st.builds(
        Condition,
        st.just("custom.renewal"),
        st.just("between"),
        st.builds("..".join, st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS))),
    ),
    st.just(Condition("custom.score", "one_of", "-1.5|0.5|99")),
    st.builds(
        Condition, st.just("status"), st.just("one_of"), st.sampled_from(["lead", "Lead|customer"])
    ),
    st.builds(
        Condition,
        st.sampled_from(
            ["city", "status", "tags", "last_activity_at", *(f"custom.{key}" for key in CUSTOM)]
        ),
        st.sampled_from(["empty", "not_empty"]),
    ),
    st.builds(
        Condition,
        st.just("tags"),
        st.sampled_from(["has", "has_not"]),
        st.sampled_from(["vip", "fair"]),
    ),
    st.builds(
        Condition,
        st.sampled_from(["dnd_email", "custom.gold"]),
        st.just("is"),
        st.sampled_from(["yes", "no"]),
    ),
    st.builds(
        Condition,
        st.just("custom.score"),
        st.sampled_from(["is", "is_not", "gt", "lt"]),
        st.sampled_from(["-1.5", "0.5", "4", "12.5"]),
    ),
    st.just(Condition("custom.score", "between", "-1.5..8")),
    st.builds(
        Condition,
        st.just("last_activity_at"),
        st.sampled_from(["within_days", "older_days"]),
        st.sampled_from(["2", "7", "100"]),
    ),
)


@given(st.lists(conditions, min_size=1, max_size=4), st.sampled_from(["all", "any"]))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_sql_finds_what_python_finds(
    crm: dict[int, dict[str, Any]], wanted: list[Condition], match: str
) -> None:
    from massadmin.auth.models import User

    admin = db.session.scalar(select(User)) or a_user()
    module = contacts()
    found = set(
        db.session.scalars(
            select(Contact.id).where(where(module, Query.build(wanted, match=match), admin))
        )
    )
    join = all if match == "all" else any
    assert found == {
        record_id
        for record_id, record in crm.items()
        if join(in_python(record, each) for each in wanted)
    }


def found(*texts: str, user: Any = None, **options: Any) -> list[int]:
    user = user or a_user("admin", f"Admin {len(texts)} {options.get('q', '')}")
    return sorted(
        db.session.scalars(
            select(Contact.id).where(where(contacts(), query(*texts, **options), user))
        )
    )


def test_search_finds_every_word_by_its_beginning() -> None:
    (jane,) = some_contacts(
        1, company_name="Acme-Widgets", city="São Paulo", phone="+5511987654321"
    )
    (other,) = some_contacts(1, company_name="O'Reilly")
    admin = a_user()
    for q in ("acme", "WIDG", "são", "first1 last1", "+5511987", "p1@example.com", "paulo acm"):
        assert jane in found(user=admin, q=q), q
    assert found(user=admin, q="acme reilly") == []
    assert found(user=admin, q="o'reil") == [other]
    assert found(user=admin, q="cme") == []
    for q in ("'", "& | !", "\\", ":*", "a:b(c", "🙂"):
        assert found(user=admin, q=q) == [], q


@pytest.mark.parametrize(
    "column", ["first_name", "last_name", "email", "phone", "company_name", "city"]
)
def test_search_finds_what_a_record_holds_by_now(column: str) -> None:
    (one,) = some_contacts(1)
    admin = a_user()
    set_column = text(f"UPDATE contacts SET {column} = :value, status = 'Lead' WHERE id = :id")
    for value, gone in (("zebra", "quagga"), ("quagga", "zebra")):
        db.session.execute(set_column, {"value": value, "id": one})
        assert found(user=admin, q=value) == [one]
        assert found(user=admin, q=gone) == []
    db.session.execute(set_column, {"value": None, "id": one})
    assert found(user=admin, q="quagga") == []


def test_an_update_of_other_columns_leaves_the_words_alone() -> None:
    (one,) = some_contacts(1)
    db.session.execute(
        text(
            "CREATE OR REPLACE FUNCTION contacts_search() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'asked'; END $$"
        )
    )
    db.session.execute(
        text("UPDATE contacts SET status = 'Lead', city = city, deleted_at = now() WHERE id = :id"),
        {"id": one},
    )


def test_dates_are_days_of_the_readers_zone() -> None:
    auckland = a_user("admin", "Kiwi", timezone="Pacific/Auckland")
    london = a_user("admin", "Brit", timezone="Europe/London")
    # Still the 31st of March in London, the 1st of April already in Auckland.
    (one,) = some_contacts(1, last_activity_at=datetime(2026, 3, 31, 20, tzinfo=UTC))
    assert found("last_activity_at:is:2026-04-01", user=auckland) == [one]
    assert found("last_activity_at:is:2026-03-31", user=london) == [one]
    assert found("last_activity_at:before:2026-04-01", user=auckland) == []
    assert found("last_activity_at:after:2026-03-31", user=auckland) == [one]
    assert found("last_activity_at:between:2026-03-30..2026-04-01", user=auckland) == [one]


def test_owner_by_id_address_or_me() -> None:
    admin, member = a_user(), a_user("member")
    mine = some_contacts(2, owner_id=member.id)
    free = some_contacts(1)
    assert found("owner_id:is:member@example.com", user=admin) == mine
    assert found(f"owner_id:is:{member.id}", user=admin) == mine
    assert found("owner_id:is:me", user=member) == mine
    assert found("owner_id:empty", user=admin) == free
    assert found("owner_id:is_not:member@example.com", user=admin) == free


@pytest.mark.parametrize("op", ["is", "is_not", "one_of"])
def test_an_owner_who_does_not_exist_is_refused(op: str) -> None:
    """“Is not nobody” would find everybody's records."""
    with pytest.raises(BadFilter, match="there is no user"):
        found(f"owner_id:{op}:nobody@example.com", user=a_user())


def test_members_see_their_own_records_whatever_they_ask() -> None:
    admin, member = a_user(), a_user("member")
    some_contacts(2, owner_id=admin.id)
    mine = some_contacts(1, owner_id=member.id)
    assert found(user=member) == mine
    assert found("city:is:nowhere", "id:gt:0", match="any", user=member) == mine


@pytest.mark.parametrize(
    "text",
    [
        "nonsense:is:x",
        "city:like:x",
        "city:gt:x",
        "tags:is:x",
        "city:is:",
        "created_at:is:yesterday",
        "created_at:within_days:-1",
        "created_at:within_days:99999999999",
        "created_at:between:2026-01-01",
        "id:is:x",
        "id:is:99999999999999999999",
        "dnd_email:is:maybe",
        "search:is:x",
        "deleted_at:empty",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_in_a_sentence(text: str) -> None:
    admin = a_user()
    with pytest.raises(BadFilter, match=r"[.?]$"):
        where(contacts(), query(text), admin)


def test_the_planner_is_told_which_tag_it_is_and_not_only_that_it_is_one() -> None:
    known = ensure_tags(["vip"])["vip"]
    clause = where(contacts(), query("tags:has:vip"), a_user())
    statement = clause.compile(db.engine, compile_kwargs={"render_postcompile": True})
    assert f"tag_id IN ({known})" in str(statement)
