"""The list of records as its address describes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records import page_rows
from massadmin.records.modules import CustomField
from massadmin.records.smart_lists import save_list
from massadmin.records.tags import ContactTag, Tag
from massadmin.web.records import view as lists
from tests.factories import a_user, contacts, query, some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin() -> User:
    return a_user(name="Ada Admin")


@pytest.fixture
def browser(signed_in: SignIn, admin: User) -> FlaskClient:
    return signed_in(admin)


def rows(html: str) -> list[int]:
    """The ids of the records that the page lists, in order."""
    return [int(found) for found in re.findall(r'<tr data-row id="row-(\d+)"', html)]


def link(html: str, mark: str) -> str:
    """The address of the link whose tag holds `mark`."""
    (tag,) = [tag for tag in re.findall(r"<a\b[^>]*>", html) if mark in tag]
    found = re.search(r'href="([^"]*)"', tag)
    assert found
    return unescape(found[1])


def heads(html: str) -> list[str]:
    """The column heads."""
    (head,) = re.findall(r"<thead>(.*?)</thead>", html, re.DOTALL)
    cells = re.findall(r"<th\b[^>]*>(.*?)</th>", head, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells[1:]]


def test_newest_first_with_names_and_the_count(browser: FlaskClient) -> None:
    ids = some_contacts(3)
    page = browser.get("/contacts")
    assert page.status_code == 200
    assert rows(page.text) == ids[::-1]
    assert "<h1>Contacts" in page.text
    assert re.search(r'id="count">3<', page.text)
    assert "1–3 of" in page.text


def test_the_start_page_leads_here(browser: FlaskClient) -> None:
    assert browser.get("/").headers["Location"] == "/contacts"


def test_values_stand_in_their_type_and_nothing_runs(browser: FlaskClient, admin: User) -> None:
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    admin.timezone = "Asia/Tokyo"
    admin.preferences = {
        "columns.contacts": ["last_name", "owner_id", "tags", "dnd_sms", "custom.score", "status"]
    }
    (one,) = some_contacts(1, owner_id=admin.id, dnd_sms=True, status="Lead")
    db.session.execute(
        text("UPDATE contacts SET last_name = :name, custom = '{\"score\": 4.50}' WHERE id = :id"),
        {"name": "<script>alert(1)</script>", "id": one},
    )
    for number in range(5):
        tag = Tag(name=f"tag {number}")
        db.session.add(tag)
        db.session.flush()
        db.session.add(ContactTag(contact_id=one, tag_id=tag.id))
    db.session.commit()
    html = browser.get("/contacts").text
    assert heads(html) == ["Last name", "Owner", "Tags", "No SMS", "Score", "Status"]
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Ada Admin</td>" in html
    assert html.count('class="tag"') == 3
    assert 'title="tag 3, tag 4">+2<' in html
    assert "4.5</td>" in html
    assert "chip-info" in html


def test_a_record_without_a_first_name_is_still_called_something(browser: FlaskClient) -> None:
    (one,) = some_contacts(1)
    db.session.execute(text("UPDATE contacts SET first_name = NULL, last_name = NULL"))
    db.session.commit()
    html = browser.get("/contacts").text
    assert re.search(rf'href="/contacts/{one}"><span class="fallback">p1@example.com<', html)
    assert 'aria-label="Select p1@example.com"' in html


def test_paging_there_and_back_says_where_it_is(browser: FlaskClient) -> None:
    ids = some_contacts(60)[::-1]
    first = browser.get("/contacts?per=25").text
    second = browser.get(link(first, 'id="page-next"')).text
    third = browser.get(link(second, 'id="page-next"')).text
    assert rows(first) + rows(second) + rows(third) == ids
    assert "26–50 of" in second
    assert "51–60 of" in third
    assert 'id="page-next" aria-disabled="true"' in third
    back = browser.get(link(third, 'id="page-previous"')).text
    assert rows(back) == ids[25:50]
    assert "26–50 of" in back
    start = browser.get(link(back, 'id="page-previous"')).text
    assert rows(start) == ids[:25]
    assert "1–25 of" in start


def test_sorting_turns_round_and_keeps_filters_and_size(browser: FlaskClient) -> None:
    some_contacts(3, city="Oslo")
    html = browser.get("/contacts?f=city:is:Oslo&per=25").text
    up = link(html, 'id="sort-email"')
    assert parse_qs(urlsplit(up).query) == {"f": ["city:is:Oslo"], "per": ["25"], "sort": ["email"]}
    sorted_up = browser.get(up).text
    assert 'aria-sort="ascending"' in sorted_up
    down = link(sorted_up, 'id="sort-email"')
    assert parse_qs(urlsplit(down).query)["sort"] == ["-email"]
    assert rows(browser.get(down).text) == rows(sorted_up)[::-1]
    newest = link(sorted_up, 'id="sort-created_at"')
    assert "sort" not in parse_qs(urlsplit(newest).query)  # the newest first, as without


def test_a_count_too_long_to_wait_for_is_loaded_afterwards(
    browser: FlaskClient, counted_up_to: Callable[[int], None]
) -> None:
    some_contacts(27, city="Oslo")
    counted_up_to(5)
    html = browser.get("/contacts?f=city:is:Oslo&per=25").text
    assert ">5+</span>" in html
    assert 'hx-get="/contacts/count?f=city%3Ais%3AOslo&amp;per=25" hx-trigger="load"' in html
    counted = browser.get("/contacts/count?f=city:is:Oslo", headers=HTMX).text
    assert re.search(r'id="count" hx-swap-oob="true">27<', counted)
    assert re.search(r'id="total" hx-swap-oob="true">27<', counted)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("f=nope:is:1", "no field “nope”"),
        ("f=status:gt:1", "cannot be filtered with “greater than”"),
        ("f=status:frobs:1", "no operator “frobs”"),
        ("f=status", "not of the form"),
        ("f=created_at:after:9999-12-31", "out of range"),
        ("f=owner_id:is:999999999999", "is no id"),
        ("match=some", "“all” or “any”"),
        ("sort=nope", "Cannot sort"),
        ("sort=tags", "cannot be sorted by Tags"),
        ("after=nonsense", "Start from the first page"),
        ("sort=created_at&after=WyJjcmVhdGVkX2F0IiwgIngiLCAxXQ", "Start from the first page"),
        ("q=%00", "NUL"),
    ],
)
def test_an_address_that_cannot_be_is_explained_and_lists_nothing(
    browser: FlaskClient, address: str, words: str
) -> None:
    some_contacts(1)
    page = browser.get(f"/contacts?{address}")
    assert page.status_code == 422
    assert words in unescape(page.text)
    assert rows(page.text) == []
    counted = browser.get(f"/contacts/count?{address}", headers=HTMX)
    assert counted.status_code == 200
    # What cannot be counted has no number, and is not asked for again and again.
    assert "hx-get" not in counted.text
    assert ('id="total"' in counted.text) == ("after=" in address)


def test_a_wrong_filter_can_be_taken_away(browser: FlaskClient) -> None:
    (one,) = some_contacts(1, city="Oslo")
    html = browser.get("/contacts?f=nope:is:1&f=city:is:Oslo").text
    fixed = browser.get(link(html, "Remove filter: nope is 1"))
    assert fixed.status_code == 200
    assert rows(fixed.text) == [one]


def test_nothing_at_all_invites_and_no_match_offers_a_way_out(browser: FlaskClient) -> None:
    empty = browser.get("/contacts").text
    assert "No contacts yet" in empty
    assert re.findall(r'class="btn btn-primary" href="(.+?)"', empty) == ["/imports"]
    some_contacts(1)
    html = browser.get("/contacts?q=zzz&f=city:is:Oslo&per=25").text
    assert "No contact matches" in html
    assert link(html, 'id="clear-filters"') == "/contacts?per=25"


def test_a_page_whose_records_are_gone_leads_back_to_the_first(browser: FlaskClient) -> None:
    some_contacts(30)
    following = link(browser.get("/contacts?per=25").text, 'id="page-next"')
    db.session.execute(text("DELETE FROM contacts WHERE id <= 5"))
    db.session.commit()
    assert "This page is empty by now" in browser.get(following).text


def test_htmx_gets_the_part_it_asks_for(browser: FlaskClient) -> None:
    some_contacts(2)
    table = browser.get("/contacts", headers={**HTMX, "HX-Target": "list"})
    assert table.text.lstrip().startswith('<div class="card card-table" id="list"')
    assert 'hx-swap-oob="innerHTML:#selection"' in table.text
    # It is fetched again after a bulk action, which changes both counts.
    assert 'id="count" hx-swap-oob="true" data-announce="1–2 of 2 contacts">2<' in table.text
    assert 'id="nav-runs-badge" hx-swap-oob="true"' in table.text
    assert "HX-Push-Url" not in table.headers
    whole = browser.get("/contacts?q=first1&match=all", headers={**HTMX, "HX-Target": "view"})
    assert whole.text.lstrip().startswith('<div class="view" id="view"')
    assert "<h1>" not in whole.text
    assert 'id="count" hx-swap-oob="true" data-announce="1 contact">1<' in whole.text
    assert whole.headers["HX-Push-Url"] == "/contacts?q=first1"
    restored = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<h1>" in browser.get("/contacts", headers=restored).text


def test_members_see_their_own_records_only(signed_in: SignIn) -> None:
    member = a_user("member")
    some_contacts(2)
    (mine,) = some_contacts(1, owner_id=member.id)
    browser = signed_in(member)
    html = browser.get("/contacts").text
    assert rows(html) == [mine]
    assert "New contact" in html
    other = signed_in("support_lead").get("/contacts").text
    assert len(rows(other)) == 3
    assert "New contact" not in other


def test_other_words_are_no_module(browser: FlaskClient) -> None:
    assert browser.get("/companies").status_code == 404


class TestSmartLists:
    """A list shows what it was saved with, until the address says otherwise."""

    @pytest.fixture
    def oslo(self, admin: User) -> int:
        some_contacts(2, city="Oslo")
        some_contacts(1, city="Bergen")
        saved = save_list(
            admin, contacts(), "In Oslo", query("city:is:Oslo"), columns=["email"], sort="email"
        )
        db.session.commit()
        return saved.id

    def test_filter_order_and_columns(self, browser: FlaskClient, oslo: int) -> None:
        html = browser.get(f"/contacts?list={oslo}").text
        assert len(rows(html)) == 2
        assert heads(html) == ["E-mail"]
        assert 'aria-sort="ascending"' in html
        assert re.search(r'list=\d+" aria-current="page"', html)
        assert 'class="meta muted changed"' not in html

    def test_taking_the_last_filter_away_shows_everything(
        self, browser: FlaskClient, oslo: int
    ) -> None:
        html = browser.get(f"/contacts?list={oslo}").text
        without = browser.get(link(html, "Remove filter: City is Oslo")).text
        assert len(rows(without)) == 3
        assert 'class="meta muted changed"' in without
        assert len(rows(browser.get(link(html, 'id="clear-filters"')).text)) == 3

    def test_lists_of_others_show_only_when_shared(self, signed_in: SignIn, oslo: int) -> None:
        other = signed_in("manager")
        html = other.get(f"/contacts?list={oslo}").text
        assert "In Oslo" not in html
        assert len(rows(html)) == 3

    def test_one_that_leans_on_a_deleted_field_says_so(
        self, browser: FlaskClient, admin: User
    ) -> None:
        saved = save_list(admin, contacts(), "Gone", query("city:is:Oslo"))
        saved.query = {"conditions": [["custom.gone", "is", "1"]]}
        db.session.commit()
        page = browser.get(f"/contacts?list={saved.id}")
        assert page.status_code == 422
        assert "no field “custom.gone”" in page.text


@pytest.mark.parametrize(("counted", "said"), [(10_000, "30"), (20, "20+")])
def test_records_that_were_all_found_are_not_counted_again(
    signed_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    counted_up_to: Callable[[int], None],
    counted: int,
    said: str,
) -> None:
    some_contacts(30, city="Oslo")
    some_contacts(5, city="Rome")
    monkeypatch.setattr(page_rows, "NEAR", 0)
    counted_up_to(counted)
    monkeypatch.setattr(lists, "count_up_to", None)
    page = signed_in().get("/contacts?f=city:is:Oslo&per=25")
    assert f">{said}</span>" in page.text
