"""Lists and records in a real browser: keys, focus, ticks that survive, themes, small screens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page, Route, expect
from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import CustomField
from massadmin.records.smart_lists import save_list
from tests.browser.conftest import OpenPage, accessible
from tests.factories import a_user, contact, contacts, query, run_action, some_contacts

pytestmark = pytest.mark.browser


@pytest.fixture
def admin(db_session: object) -> User:
    return a_user("admin", "Ada Lovelace", email="ada@example.com")


@pytest.fixture
def page(open_page: OpenPage, admin: User) -> Page:
    return open_page(admin, viewport={"width": 1280, "height": 800})


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def selected(page: Page, words: str) -> None:
    expect(page.locator("#selected-count")).to_have_text(words)


def test_a_filter_is_added_changed_and_taken_away_by_keyboard(page: Page) -> None:
    some_contacts(3, status="Lead")
    some_contacts(2, status="Customer")
    page.goto("/contacts")
    page.focus("#add-filter")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-field")).to_be_visible()
    page.select_option("#filter-field", "status")
    expect(page.locator("#filter-words")).to_be_attached()
    page.focus("#filter-value")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-error")).to_contain_text("has no value")
    expect(page.locator("#filter-value")).to_be_focused()
    page.keyboard.type("Lead")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("3")
    expect(page.locator("#add-filter")).to_be_focused()
    assert page.url.endswith("/contacts?f=status%3Ais%3ALead")
    page.focus("#token-0")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-value")).to_have_value("Lead")
    page.fill("#filter-value", "Customer")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("2")
    page.get_by_role("link", name="Remove filter: Status is Customer").press("Enter")
    expect(page.locator("#count")).to_have_text("5")
    assert focused(page) != "BODY"


def test_what_is_offered_to_be_selected_is_what_was_counted_meanwhile(
    page: Page, counted_up_to: Callable[[int], None]
) -> None:
    some_contacts(30)
    counted_up_to(5)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/contacts/count*", hold)
    page.goto("/contacts?per=25")
    page.locator(".tick").first.check()
    expect(page.get_by_role("button", name="Select all 5+ matching")).to_be_visible()
    held[0].continue_()
    page.get_by_role("button", name="Select all 30 matching").click()
    selected(page, "All 30 matching selected")


def test_all_that_match_can_be_selected_while_they_are_being_counted(
    page: Page, counted_up_to: Callable[[int], None], held_count: Callable[[], None]
) -> None:
    some_contacts(60)
    counted_up_to(5)
    page.goto("/contacts?per=25")
    page.locator(".tick").first.check()
    page.get_by_role("button", name="Select all 5+ matching").click()
    selected(page, "All matching selected, counting…")
    held_count()
    selected(page, "All 60 matching selected")
    expect(page.locator("#total")).to_have_text("60")


def test_what_was_selected_shows_though_the_count_arrived_meanwhile(page: Page) -> None:
    some_contacts(60)
    page.goto("/contacts?per=25")
    page.click("#tick-page")
    selected(page, "25 selected")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route("**/contacts/selection*", hold)
    page.click("#select-all")
    page.evaluate("() => fetch('/shortcuts').then(answer => answer.text())")
    page.evaluate("() => { document.body.dispatchEvent(new Event('counted')) }")
    page.evaluate("() => fetch('/shortcuts').then(answer => answer.text())")
    held[0].continue_()
    selected(page, "All 60 matching selected")


def test_a_field_can_be_chosen_before_the_form_has_been_fetched(page: Page) -> None:
    some_contacts(1)
    page.goto("/contacts")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/contacts/filter?*", hold)
    page.click("#add-filter")
    with page.expect_request("**/contacts/filter?*field=status*"):
        page.select_option("#filter-field", "status")
    form = '<form id="filter-form"><select id="filter-field"></select></form>'
    # The first of them was given up when the second was asked.
    with contextlib.suppress(Error):
        held[0].fulfill(body=form)
    page.evaluate("() => fetch('/shortcuts').then(answer => answer.text())")
    held[1].continue_()
    expect(page.locator("#filter-words")).to_be_attached()


def test_search_by_its_key_and_back_again(page: Page) -> None:
    some_contacts(12)
    page.goto("/contacts")
    page.keyboard.press("/")
    page.keyboard.type("first1")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("4")
    assert focused(page) == "search"
    announced = page.locator("#announce")
    expect(announced).to_have_text("4 contacts")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(announced).to_have_text("1 contact")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(announced).to_have_text("4 contacts")
    for count in ("1", "4", "12"):
        page.go_back()
        expect(page.locator("#count")).to_have_text(count)


def test_quick_ticks_by_key_are_all_kept(page: Page) -> None:
    some_contacts(30)
    page.goto("/contacts")
    page.focus("#main")
    for key in "jxjxjxjxjx":
        page.keyboard.press(key)
    selected(page, "5 selected")
    for key in "jjj":
        page.keyboard.press(key)
    page.keyboard.press("X")
    selected(page, "8 selected")
    page.keyboard.press("e")
    expect(page.locator("#more-actions")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#search")).to_be_visible()
    expect(page.locator(".tick:checked")).to_have_count(0)


def test_filters_and_selection_take_the_same_room(page: Page) -> None:
    some_contacts(3)
    page.goto("/contacts?f=status:empty&f=city:empty&match=any")
    before = page.locator("#list").bounding_box()
    page.locator(".tick").first.check()
    selected(page, "1 selected")
    assert page.locator("#list").bounding_box() == before


@pytest.mark.parametrize("size", ["100%", "200%"])
def test_the_tools_of_both_bars_stay_in_sight_beside_many_filters(page: Page, size: str) -> None:
    some_contacts(3)
    filters = "&f=".join(("status:empty", "city:empty", "created_at:within_days:400", "id:gt:0"))
    page.goto(f"/contacts?f={filters}&f=company_name:starts:Acme&match=any")
    page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
    for name in ("search", "add-filter", "match-any", "clear-filters", "columns-button"):
        expect(page.locator(f"#{name}")).to_be_in_viewport(ratio=1)
    page.locator(".tick").first.check()
    selected(page, "1 selected")
    for name in ("select-all", "select-none", "more-actions-button"):
        expect(page.locator(f"#{name}")).to_be_in_viewport(ratio=1)


def test_ticks_survive_sorting_paging_going_back_and_reloading(page: Page) -> None:
    some_contacts(60)
    page.goto("/contacts?per=25")
    page.locator(".tick").nth(2).check()
    page.locator(".tick").nth(5).check()
    selected(page, "2 selected")
    page.click("#page-next")
    expect(page.locator(".pager")).to_contain_text("26–50 of 60")
    expect(page.locator("#page-next")).to_be_focused()
    page.locator(".tick").first.check()
    selected(page, "3 selected")
    page.go_back()
    expect(page.locator(".pager")).to_contain_text("1–25 of 60")
    expect(page.locator(".tick:checked")).to_have_count(2)
    page.locator(".row-link").first.click()
    expect(page.locator("#record-title")).to_be_visible()
    page.go_back()
    selected(page, "3 selected")
    page.reload()
    selected(page, "3 selected")
    page.click("#sort-email")
    expect(page.locator("[aria-sort=ascending]")).to_have_count(1)
    selected(page, "3 selected")
    # Coming anew, not back, begins anew.
    page.goto("/contacts?per=25")
    expect(page.locator(".tick:checked")).to_have_count(0)


def test_a_duplicated_tab_does_not_share_the_ticks(page: Page) -> None:
    some_contacts(3)
    page.goto("/contacts")
    page.locator(".tick").first.check()
    selected(page, "1 selected")
    twin = page.context.new_page()
    twin.goto("/contacts")
    storage = page.evaluate("JSON.stringify({...sessionStorage})")
    twin.evaluate("stored => Object.assign(sessionStorage, JSON.parse(stored))", storage)
    twin.reload()
    twin.locator(".tick").nth(1).check()
    selected(twin, "1 selected")
    page.locator(".tick").nth(2).check()
    selected(page, "2 selected")


def test_columns_are_moved_by_keyboard_while_the_picker_stays(page: Page) -> None:
    some_contacts(1)
    page.goto("/contacts")
    page.click("#columns-button")
    page.focus("#down-first_name")
    page.keyboard.press("Enter")
    expect(page.locator("thead th").nth(1)).to_have_text("Last name")
    expect(page.locator("#down-first_name")).to_be_focused()
    page.locator("#column-city").check()
    expect(page.locator("thead")).to_contain_text("City")
    expect(page.locator("#columns-menu")).to_be_visible()


def test_a_field_is_changed_in_place_by_keyboard(page: Page) -> None:
    (one,) = some_contacts(1)
    page.goto(f"/contacts/{one}")
    page.focus("#field-email-edit")
    page.keyboard.press("Enter")
    expect(page.locator("#field-email-value")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#field-email-edit")).to_be_focused()
    page.keyboard.press("Enter")
    page.fill("#field-email-value", "nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#field-email-value-error")).to_be_visible()
    expect(page.locator("#field-email-value")).to_be_focused()
    page.fill("#field-email-value", "new@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("#field-email")).to_contain_text("new@example.com")
    expect(page.locator("#field-email-edit")).to_be_focused()
    expect(page.locator("#timeline")).to_contain_text("p1@example.com")
    assert contact(one).email == "new@example.com"


def test_a_view_is_saved_in_the_dialog(page: Page) -> None:
    some_contacts(2, city="Oslo")
    page.goto("/contacts?f=city:is:Oslo")
    page.focus("#save-view")
    page.keyboard.press("Enter")
    expect(page.locator("#dlg #name")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dlg .error-summary")).to_be_focused()
    page.fill("#dlg #name", "In Oslo")
    page.keyboard.press("Enter")
    expect(page.locator(".tab[aria-current]")).to_have_text("In Oslo")
    expect(page.locator("#toasts")).to_contain_text("Saved the list")


@pytest.fixture
def awkward(admin: User) -> list[int]:
    """Contacts with names long, from right to left, missing, and with markup in them."""
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    ids = some_contacts(30, status="Lead", owner_id=admin.id)
    for each, first, last in (
        (ids[-1], "Wolfeschlegelsteinhausenbergerdorff" * 3, "Sr."),
        (ids[-2], "محمد", "عبد الرحمن"),
        (ids[-3], None, None),
        (ids[-4], "<b>Bold</b>", 'O\'Brien & "Sons"'),
    ):
        db.session.execute(
            text("UPDATE contacts SET first_name = :first, last_name = :last WHERE id = :id"),
            {"first": first, "last": last, "id": each},
        )
    save_list(admin, contacts(), "A list with quite a long name", query("status:is:Lead"))
    db.session.commit()
    run_action("add_tags", admin, tags="vip, a tag with a rather long name, 2026, fourth")
    return ids


def test_every_state_is_accessible(open_page: OpenPage, admin: User, awkward: list[int]) -> None:
    page = open_page(admin, viewport={"width": 1280, "height": 800})
    for address in (
        "/contacts?f=status:is:Lead&f=city:empty&per=25&sort=-email",
        "/contacts?f=nope:is:1",
        "/contacts/filter?field=status&op=one_of",
        f"/contacts/{awkward[-1]}",
        f"/contacts/{awkward[-2]}/edit",
    ):
        page.goto(address)
        accessible(page, address)
    page.goto("/contacts")
    page.locator(".tick").first.check()
    page.click("#more-actions-button")
    accessible(page, "menu of the selection")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.click("#add-filter")
    accessible(page, "filter form")
    page.keyboard.press("Escape")
    page.click("#columns-button")
    accessible(page, "columns")
    page.keyboard.press("Escape")
    page.click("#save-view")
    expect(page.locator("#dlg")).to_be_visible()
    accessible(page, "save view")
    page.goto(f"/contacts/{awkward[-1]}")
    page.click("#field-email-edit")
    page.fill("#field-email-value", "nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#field-email-value-error")).to_be_visible()
    accessible(page, "refused in place")


def test_nothing_is_lost_on_a_small_screen(
    open_page: OpenPage, admin: User, awkward: list[int]
) -> None:
    page = open_page(admin, viewport={"width": 320, "height": 640})
    for address in (
        "/contacts?f=company_name:contains:" + "long " * 20 + "&f=status:is:Lead&match=any",
        f"/contacts/{awkward[-1]}",
        f"/contacts/{awkward[-1]}/fields/tags",
        "/contacts/new",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
    page.goto("/contacts")
    page.locator(".tick").first.check()
    selected(page, "1 selected")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for name in ("select-all", "select-none", "more-actions-button"):
        box = page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    accessible(page, "selection on a small screen")
