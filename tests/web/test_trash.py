"""The trash as a page."""

from __future__ import annotations

from html import unescape
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text

from massadmin.extensions import db
from massadmin.records.selection import Selection
from massadmin.web import trash
from tests.factories import a_user, run_action, some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

HTMX = {"HX-Request": "true"}


def test_it_tells_what_was_deleted_by_whom_through_what_and_for_how_long(
    signed_in: SignIn,
) -> None:
    admin = a_user()
    ids = some_contacts(2)
    run = run_action("delete", admin, f"id:is:{ids[0]}", confirm="DELETE")
    db.session.execute(
        text(
            "UPDATE contacts SET deleted_at = now() - interval '48 days 1 hour'"
            " WHERE deleted_at IS NOT NULL"
        )
    )
    db.session.commit()
    page = signed_in(admin).get("/trash").text
    assert "p1@example.com" in page
    assert "p2@example.com" not in page
    assert f'href="/runs/{run.id}"' in page
    assert "1 still here" in page
    assert "12 days left" in page
    assert '<td class="num">12</td>' in page
    assert f'hx-get="/contacts/actions/restore?ids={ids[0]}"' in page


@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 200), ("manager", 200), ("support_lead", 200), ("member", 403)],
)
def test_who_may_see_it(signed_in: SignIn, role: str, status: int) -> None:
    browser = signed_in(role)
    for path in ("/trash", "/trash/find"):
        assert browser.get(path).status_code == status
    assert browser.post("/trash/find", data={"pasted": "1"}).status_code == status


def test_a_run_that_one_may_not_see_is_named_but_not_linked(signed_in: SignIn) -> None:
    admin = a_user()
    some_contacts(1)
    run = run_action("delete", admin, confirm="DELETE")
    page = signed_in("support_lead").get("/trash").text
    assert "Delete contacts" in page
    assert f"/runs/{run.id}" not in page


def test_filters_search_and_paging_are_those_of_the_list(signed_in: SignIn) -> None:
    admin = a_user()
    ids = some_contacts(30)
    run_action("delete", admin, f"id:lt:{ids[28]}", confirm="DELETE")
    second = run_action("delete", admin, f"id:is:{ids[28]}", confirm="DELETE")
    browser = signed_in(admin)
    assert _rows(browser.get("/trash?per=25").text) == [ids[28], *reversed(ids[4:28])]
    assert _rows(browser.get("/trash?q=First2&sort=deleted_by").text)
    assert _rows(browser.get(f"/trash?f=id:is:{ids[3]}").text) == [ids[3]]
    assert _rows(browser.get(f"/trash?run={second.id}").text) == [ids[28]]
    assert _rows(browser.get("/trash?f=deleted_by:is:me&per=100").text) == [
        ids[28],
        *reversed(ids[:28]),
    ]
    wrong = browser.get("/trash?f=city:like:x")
    assert wrong.status_code == 422
    assert "There is no operator “like”." in unescape(wrong.text)


def test_htmx_gets_the_list_alone(signed_in: SignIn, templates: list[str]) -> None:
    browser = signed_in()
    browser.get("/trash", headers={**HTMX, "HX-Target": "view"})
    assert templates[0] == "records/_view.html"
    templates.clear()
    browser.get("/trash", headers={**HTMX, "HX-Target": "list"})
    assert templates[0] == "records/_list.html"


def test_looking_at_one_deletion_offers_to_restore_it_whole(signed_in: SignIn) -> None:
    admin = a_user()
    ids = some_contacts(3)
    run = run_action("delete", admin, f"id:lt:{ids[2]}", confirm="DELETE")
    run_action("delete", admin, f"id:is:{ids[2]}", confirm="DELETE")
    page = signed_in(admin).get(f"/trash?run={run.id}").text
    assert "This deletion" in page
    assert page.count('class="deletion"') == 1
    assert f'hx-get="/contacts/actions/restore?deleted_run={run.id}"' in page
    assert "Restore all 2" in page


def test_who_was_merged_is_marked(signed_in: SignIn) -> None:
    admin = a_user()
    some_contacts(1)
    run_action("delete", admin, confirm="DELETE")
    some_contacts(1)
    run_action("restore", admin, on_conflict="merge")
    assert "Merged by" in signed_in(admin).get("/trash").text


def test_an_empty_trash_says_so(signed_in: SignIn) -> None:
    assert "The trash is empty" in signed_in().get("/trash").text


def test_pasted_values_become_a_selection_that_can_be_restored(signed_in: SignIn) -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("delete", admin, f"id:lt:{ids[2]}", confirm="DELETE")
    browser = signed_in(admin)
    pasted = "p1@example.com\np3@example.com, nobody@example.com"
    page = unescape(browser.post("/trash/find", data={"pasted": pasted}).text)
    assert "1 of 3 found in the trash: 1 contact." in page
    assert "<li>nobody@example.com</li>" in page
    assert "<li>p3@example.com</li>" in page
    selection = db.session.scalars(select(Selection)).one()
    assert (selection.ids, selection.query["trash"]) == ([ids[0]], True)
    assert f"/contacts/actions/restore?selection={selection.token}" in page
    shown = "/trash?" + urlencode({"f": f"id:one_of:{ids[0]}"})
    assert f'href="{shown}"' in page
    assert _rows(browser.get(shown).text) == [ids[0]]


def test_many_found_values_are_restored_without_being_listed(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trash, "LISTED", 1)
    admin = a_user()
    some_contacts(2)
    run_action("delete", admin, confirm="DELETE")
    page = signed_in(admin).post("/trash/find", data={"pasted": "p1@example.com p2@example.com"})
    assert "Restore 2" in page.text
    assert "Show them" not in page.text


@pytest.mark.parametrize("pasted", ["", " ,\n"])
def test_nothing_pasted_is_said(signed_in: SignIn, pasted: str) -> None:
    answer = signed_in().post("/trash/find", data={"pasted": pasted}, headers=HTMX)
    assert answer.status_code == 422
    assert "Paste at least one e-mail, phone number or ID." in unescape(answer.text)


def test_nothing_found_is_said_and_selects_nothing(signed_in: SignIn) -> None:
    answer = signed_in().post("/trash/find", data={"pasted": "x@example.com"}, headers=HTMX)
    assert answer.status_code == 200
    assert "0 of 1 found in the trash." in answer.text
    assert "restore-found" not in answer.text
    assert db.session.scalars(select(Selection)).all() == []


def _rows(page: str) -> list[int]:
    """The ids of the records a page shows, in order."""
    return [int(part.partition('"')[0]) for part in page.split('<tr data-row id="row-')[1:]]
