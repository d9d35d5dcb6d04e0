"""Filters as URL arguments, as JSON, and in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from massadmin.records.filters import OPERATORS, VALUELESS, BadFilter, Condition, Query
from massadmin.records.modules import MODULES

CONTACTS = MODULES["contacts"]
values = st.text(st.characters(blacklist_characters="\x00", codec="utf-8"), min_size=1)
conditions = st.builds(
    lambda field, op, value: Condition(field, op, "" if op in VALUELESS else value),
    st.sampled_from([field.key for field in CONTACTS.fields]),
    st.sampled_from(sorted(OPERATORS)),
    values,
)
queries = st.builds(
    Query.build,
    st.lists(conditions, max_size=4),
    match=st.sampled_from(["all", "any"]),
    q=st.text(st.characters(blacklist_characters="\x00", codec="utf-8"), max_size=50),
)


@given(queries)
def test_a_query_survives_its_url_and_its_json(query: Query) -> None:
    assert Query.from_args(MultiDict(query.to_args())) == query
    assert Query.from_json(query.to_json()) == query


def test_a_value_may_hold_colons() -> None:
    condition = Condition.from_text("last_activity_at:after:2026-03-31T10:00:00")
    assert condition.value == "2026-03-31T10:00:00"


@pytest.mark.parametrize(
    "args",
    [
        [("f", "status")],
        [("f", ":is:x")],
        [("match", "some")],
        [("q", "x" * 201)],
        [("q", "a\x00b")],
        [("f", "city:is:a\x00b")],
        [("f", "city:is:x")] * 51,
    ],
)
def test_what_cannot_be_understood_is_refused_in_a_sentence(args: list[tuple[str, str]]) -> None:
    with pytest.raises(BadFilter, match=r"\.$"):
        Query.from_args(MultiDict(args))


def test_words() -> None:
    query = Query.build(
        [
            Condition("status", "is", "Lead"),
            Condition("tags", "has", "vip"),
            Condition("created_at", "within_days", "7"),
            Condition("phone", "empty"),
        ],
        match="any",
        q="smith",
    )
    assert query.describe(CONTACTS) == (
        "“smith” and (Status is Lead or Tags has vip or "
        "Created within the last 7 days or Phone is empty)"
    )
    assert Query().describe(CONTACTS) == "all contacts"
