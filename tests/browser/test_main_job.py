"""The main job, as a person does it in a browser, with a worker and a clock at work behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from massadmin.auth.models import User
from massadmin.auth.passwords import hashed
from massadmin.extensions import db
from tests.browser.conftest import OpenPage
from tests.factories import a_user, some_contacts, tags_of
from tests.processes import process

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"


@pytest.fixture
def page(environ: dict[str, str], db_session: object, open_page: OpenPage) -> Iterator[Page]:
    """A window in which an admin has signed in by the page."""
    admin = a_user("admin", "Ada Admin")
    admin.password_hash = hashed(PASSWORD)
    db.session.commit()
    with process(environ, "worker"), process(environ, "clock"):
        window = open_page(admin, viewport={"width": 1280, "height": 800})
        window.set_default_timeout(20_000)
        window.context.clear_cookies()
        sign_in(window, admin)
        yield window


def sign_in(page: Page, user: User) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/contacts")


def choose(page: Page, action: str) -> None:
    """Open an action from the selection bar, or from its menu."""
    button = page.locator("#bar").get_by_role("button", name=action, exact=True)
    if button.count() == 0:
        page.locator("#bar").get_by_text("More", exact=True).click()
        button = page.locator("#bar").get_by_role("menuitem", name=action)
    button.first.click()
    page.locator("#dlg[open]").wait_for()


def expect_text(page: Page, selector: str, text: str) -> None:
    expect(page.locator(selector).first).to_contain_text(text, timeout=30_000)


def test_filter_select_all_act_watch_and_undo(page: Page) -> None:
    leads = some_contacts(180, status="Lead")
    others = some_contacts(40, status="Customer")
    page.goto("/contacts?f=status:is:Lead")
    expect_text(page, "h1 + *, .heading, main", "180")
    page.locator(".tick-page").check()
    expect_text(page, "#selected-count", "50 selected")
    page.get_by_role("button", name=re.compile("Select all 180 matching")).click()
    # Unticking at once, before the server has answered, still makes an exception.
    page.locator("tbody .tick").first.click()
    expect_text(page, "#selected-count", "179 selected, 1 excluded")
    assert page.locator("tbody .tick:checked").count() == 49
    # The selection stays while paging.
    page.get_by_role("link", name=re.compile("Next")).click()
    page.wait_for_url("**after=**")
    expect_text(page, "#selected-count", "179 selected, 1 excluded")
    assert page.locator("tbody .tick:checked").count() == 50
    choose(page, "Add tags")
    page.get_by_label("Tags", exact=True).fill("vip, 2026")
    page.get_by_role("button", name="Preview").click()
    expect_text(page, ".forecast-good", "179")
    page.locator("#action-start").click()
    page.get_by_role("link", name="View progress").click()
    page.wait_for_url("**/runs/*")
    expect_text(page, "main", "Completed")
    expect_text(page, "main", "179")
    assert tags_of(leads[0]) == ["2026", "vip"]
    assert tags_of(others[0]) == []
    assert sum(tags_of(each) == [] for each in leads) == 1
    page.get_by_role("main").get_by_role("link", name="Undo", exact=True).click()
    page.locator("#dlg[open]").wait_for()
    page.locator("#dlg").get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.locator("#dlg[open]")).to_have_count(0)
    page.goto("/runs")
    expect_text(page, "tbody tr", "Undo: Add tags vip, 2026")
    expect_text(page, "tbody tr", "Completed")
    assert tags_of(leads[0]) == []


def test_delete_needs_the_word_and_the_trash_gives_back(page: Page) -> None:
    some_contacts(3, company_name="Acme")
    page.goto("/contacts")
    page.locator("tbody .tick").nth(1).check()
    expect_text(page, "#selected-count", "1 selected")
    choose(page, "Delete")
    # As extensions of browsers do; what takes the field's place must not try to inherit it.
    page.locator("#confirm").evaluate("each => { each.style.caretColor = 'red' }")
    page.locator("#confirm").fill("delete please")
    page.locator("#action-start").click()
    expect_text(page, "#dlg", "Nothing was started")
    page.locator("#confirm").fill("DELETE")
    page.locator("#action-start").click()
    expect(page.locator("#dlg[open]")).to_have_count(0)
    page.goto("/runs")
    expect_text(page, "tbody tr", "Completed")
    page.goto("/trash")
    expect_text(page, "tbody", "First2")
    page.locator("tbody .tick").first.check()
    expect_text(page, "#selected-count", "1 selected")
    choose(page, "Restore")
    if page.locator("#action-start").count() == 0:
        page.get_by_role("button", name="Preview").click()
    page.locator("#action-start").click()
    expect(page.locator("#dlg[open]")).to_have_count(0)
    page.goto("/runs")
    expect_text(page, "tbody tr:first-child", "Completed")
    page.goto("/contacts")
    expect_text(page, "tbody", "First2")
    page.goto("/trash")
    assert page.locator("tbody .tick").count() == 0


def test_two_tabs_have_two_selections(page: Page) -> None:
    some_contacts(10)
    page.goto("/contacts")
    other = page.context.new_page()
    other.goto("/contacts")
    page.locator("tbody .tick").nth(0).check()
    expect_text(page, "#selected-count", "1 selected")
    other.locator("tbody .tick").nth(3).check()
    other.locator("tbody .tick").nth(4).check()
    expect_text(other, "#selected-count", "2 selected")
    page.locator("tbody .tick").nth(1).check()
    expect_text(page, "#selected-count", "2 selected")
    page.get_by_role("button", name="Clear").click()
    other.locator("tbody .tick").nth(5).check()
    expect_text(other, "#selected-count", "3 selected")


def test_a_range_with_shift(page: Page) -> None:
    some_contacts(12)
    page.goto("/contacts")
    page.locator("tbody .tick").nth(2).check()
    page.locator("tbody .tick").nth(7).click(modifiers=["Shift"])
    expect_text(page, "#selected-count", "6 selected")
    assert page.locator("tbody .tick:checked").count() == 6
