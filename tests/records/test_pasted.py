"""Values as people paste them."""

from __future__ import annotations

import pytest

from massadmin.extensions import db
from massadmin.records import pasted
from massadmin.records.contacts import Contact
from massadmin.records.pasted import TooManyValues, find_pasted, read_pasted
from tests.factories import a_user, contacts, run_action, some_contacts


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        (" \n,;\t ", []),
        ("a@x.com b@x.com,c@x.com;d@x.com\ne@x.com", list("abcde")),
        ('"Ada L" <a@x.com>; (b@x.com) | mailto:c@x.com.', list("abc")),
        ("A@x.com a@X.com", ["A"]),
    ],
)
def test_emails_with_any_separators(text: str, values: list[str]) -> None:
    assert [each.text.partition("@")[0] for each in read_pasted(text)] == values


def test_phones_keep_their_blanks() -> None:
    found = read_pasted("+47 21 23 45 67 +44 (20) 7946-0958\n4721234567")
    assert [each.phone for each in found] == ["+4721234567", "+442079460958", "+4721234567"]
    assert [each.id for each in found] == [None, None, 4721234567]


def test_ids() -> None:
    found = read_pasted("12 7\n99999999999999999999 9223372036854775808, 7")
    assert [(each.text, each.id) for each in found] == [
        ("12", 12),
        ("7", 7),
        ("99999999999999999999", None),
        ("9223372036854775808", None),
    ]


def test_anything_else_is_a_value_that_cannot_be_found() -> None:
    (found,) = read_pasted("Ada Lovelace\x00")
    assert (found.text, found.email, found.phone, found.id) == ("Ada Lovelace", None, None, None)


def test_too_many_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasted, "MAX_VALUES", 3)
    assert len(read_pasted("1 2 3 2")) == 3
    with pytest.raises(TooManyValues, match="At most 3 values"):
        read_pasted("1 2 3 4")


@pytest.mark.usefixtures("db_session")
def test_they_are_found_across_deletions_and_told_from_live_and_unknown_ones() -> None:
    admin = a_user()
    ids = some_contacts(4)
    db.session.add(Contact(phone="+4721234567"))
    db.session.commit()
    run_action("delete", admin, f"id:is:{ids[0]}", confirm="DELETE")
    run_action("delete", admin, f"id:is:{ids[1]}", confirm="DELETE")
    run_action("delete", admin, "phone:not_empty", confirm="DELETE")
    text = f"P1@example.com {ids[1]}\n+47 21 23 45 67\np3@example.com who@example.com\nAda"
    found = find_pasted(contacts(), read_pasted(text), admin)
    assert found.ids == [ids[0], ids[1], ids[3] + 1]
    assert found.values == ["P1@example.com", str(ids[1]), "+47 21 23 45 67"]
    assert found.live == ["p3@example.com"]
    assert found.missing == ["who@example.com", "Ada"]


@pytest.mark.usefixtures("db_session")
def test_nobody_finds_what_they_may_not_see() -> None:
    admin, member = a_user(), a_user("member")
    ids = some_contacts(2)
    run_action("delete", admin, f"id:is:{ids[0]}", confirm="DELETE")
    found = find_pasted(contacts(), read_pasted("p1@example.com p2@example.com"), member)
    assert (found.ids, found.live) == ([], [])
