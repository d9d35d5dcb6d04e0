"""The frame of every page in a real browser: dialogs, focus, toasts, selection, polling, keys."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from massadmin.auth import people
from massadmin.extensions import db
from tests.browser.conftest import OpenPage, accessible
from tests.factories import a_user

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("db_session")]

LIST = """
<form id="selection" data-select-url="/pretend/select" hx-target="#bar" hx-swap="outerHTML">
  <input type="hidden" name="selection" value="of-this-tab"></form>
<div class="bar" id="bar">nothing selected</div>
<table class="grid"><thead><tr><th><input type="checkbox" class="tick-page" aria-label="Page"></th>
  <th>Name</th></tr></thead><tbody>{rows}</tbody></table>
"""
ROW = """<tr data-row><td><input type="checkbox" class="tick" id="t{0}" name="id" value="{0}"
  aria-label="Select {0}"></td><td><a class="row-link" href="/settings/roles?row={0}">Row {0}</a>
  </td></tr>"""


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The users page of Ada, an admin."""
    opened = open_page("admin", name="Ada Lovelace", email="ada@example.com")
    a_user("member", "Grace Hopper", email="grace@example.com")
    opened.goto("/settings/users")
    return opened


def put(page: Page, html: str) -> None:
    """Show `html` as the content of the page, alive to htmx."""
    page.evaluate(
        "html => { const main = document.querySelector('main');"
        " main.innerHTML = html; htmx.process(main); }",
        html,
    )


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def fulfil(page: Page, path: str, answers: list[dict[str, Any]]) -> list[Any]:
    """Answer requests for `path` in turn, the last one for ever; returns the requests seen."""
    seen: list[Any] = []

    def answer(route: Route) -> None:
        seen.append(route.request)
        route.fulfill(**answers[min(len(seen), len(answers)) - 1])

    page.route(f"**{path}", answer)
    return seen


def html(body: str, **headers: str) -> dict[str, Any]:
    return {"body": body, "content_type": "text/html", "headers": headers}


def test_a_dialog_keeps_focus_through_refusal_and_success(page: Page) -> None:
    page.focus("#add-user")
    page.keyboard.press("Enter")
    expect(page.locator("#dlg")).to_be_visible()
    assert focused(page) == "email"
    page.keyboard.press("Enter")
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
    page.click(".error-summary a >> nth=0")
    assert focused(page) == "email"
    page.fill("#email", "edsger@example.com")
    page.fill("#name", "Edsger Dijkstra")
    page.keyboard.press("Enter")
    expect(page.locator("#dlg")).to_be_hidden()
    expect(page.locator("#users")).to_contain_text("Edsger Dijkstra")
    expect(page.locator("#toasts")).to_contain_text("Added Edsger Dijkstra")
    expect(page.locator("#add-user")).to_be_focused()


def test_escape_and_cancel_give_the_focus_back(page: Page) -> None:
    for way in ("Escape", "cancel", "cross"):
        page.click("#add-user")
        expect(page.locator("#dlg")).to_be_visible()
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            page.click(".dialog-foot [data-close]" if way == "cancel" else ".dialog-head button")
        expect(page.locator("#dlg")).to_be_hidden()
        expect(page.locator("#add-user")).to_be_focused()


def test_a_menu_in_a_row_that_replaces_the_list_keeps_the_focus(page: Page) -> None:
    row = page.locator("tr", has_text="Grace Hopper")
    button = row.get_by_role("button", name="Actions for Grace Hopper")
    button.click()
    row.get_by_role("button", name="Deactivate").click()
    expect(row).to_contain_text("Deactivated")
    expect(button).to_be_focused()
    button.click()
    row.get_by_role("link", name="Change role").click()
    expect(page.locator("#dlg-title")).to_have_text("Change role")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_errors_are_shown_where_they_can_be_read(page: Page) -> None:
    put(page, '<button id="go" hx-get="/settings/users/999999/role" hx-target="#main">Go</button>')
    page.click("#go")
    expect(page.locator("#toasts .toast-error")).to_contain_text("There is nothing here")
    expect(page.locator("#go")).to_be_visible()
    page.click("[data-dismiss]")
    expect(page.locator(".toast")).to_have_count(0)
    assert focused(page) != "BODY"
    # Beneath a modal dialog nobody could read it, so there it goes into the dialog.
    put(page, '<a id="open" hx-get="/settings/users/add" hx-target="#dlg" href="#">Open</a>')
    page.click("#open")
    expect(page.locator("#dlg form")).to_be_visible()
    page.evaluate(
        "document.querySelector('#dlg form').setAttribute('hx-post', '/no/such/page');"
        "htmx.process(document.querySelector('#dlg form'))"
    )
    page.click("#dlg button[type=submit]")
    expect(page.locator("#dlg .dialog-alert")).to_contain_text("There is nothing here")


def test_a_server_that_is_away_is_said_so(page: Page) -> None:
    put(page, '<button id="go" hx-get="/pretend/away">Go</button>')
    page.route("**/pretend/away", lambda route: route.abort())
    page.click("#go")
    expect(page.locator("#toasts")).to_contain_text("The server did not answer")


def test_ticks_reach_the_server_in_order_and_none_is_lost(page: Page) -> None:
    put(page, LIST.format(rows="".join(ROW.format(number) for number in range(1, 9))))
    bars = [html(f'<div class="bar" id="bar">{number} answers</div>') for number in range(1, 6)]
    seen = fulfil(page, "/pretend/select", bars)
    page.click("#t2")
    page.click("#t5", modifiers=["Shift"])
    page.click("#t3")
    expect(page.locator(".tick:checked")).to_have_count(3)
    assert page.evaluate("document.querySelector('.tick-page').indeterminate")
    page.click(".tick-page")
    expect(page.locator(".tick:checked")).to_have_count(8)
    page.click(".tick-page")
    expect(page.locator(".tick:checked")).to_have_count(0)
    expect(page.locator("#bar")).to_have_text("5 answers")
    sent = [
        (re.findall(r"op=(\w+)", each.post_data)[0], re.findall(r"\bid=(\d+)", each.post_data))
        for each in seen
    ]
    assert sent == [
        ("tick", ["2"]),
        ("tick", ["2", "3", "4", "5"]),
        ("untick", ["3"]),
        ("tick", ["1", "3", "6", "7", "8"]),
        ("untick", [str(number) for number in range(1, 9)]),
    ]
    assert all("selection=of-this-tab" in each.post_data for each in seen)
    assert all(each.headers["x-csrftoken"] for each in seen)


def test_the_bar_can_tick_or_clear_the_whole_page(page: Page) -> None:
    rows = "".join(ROW.format(number) for number in range(1, 4))
    put(page, LIST.format(rows=rows) + '<button id="go" hx-post="/pretend/all" hx-target="#bar" '
        'hx-swap="outerHTML">All</button>')  # fmt: skip
    bar = '<div class="bar" id="bar" data-check="{}">x</div>'
    fulfil(page, "/pretend/all", [html(bar.format("all")), html(bar.format("none"))])
    page.click("#go")
    expect(page.locator(".tick:checked")).to_have_count(3)
    page.click("#go")
    expect(page.locator(".tick:checked")).to_have_count(0)


def test_rows_are_walked_ticked_and_opened_by_keys(page: Page) -> None:
    put(page, LIST.format(rows="".join(ROW.format(number) for number in range(1, 6)))
        + '<input id="q" data-key="/"><button id="act" data-key="e">Act</button>'
        '<button id="clear" data-key="Escape">Clear</button>'
        '<button id="more" data-key="m" popovertarget="menu">More</button>'
        '<div id="menu" popover><button>Do</button></div>')  # fmt: skip
    fulfil(page, "/pretend/select", [html('<div class="bar" id="bar">x</div>')])
    page.keyboard.press("j")
    assert focused(page) == "t1"
    for key, expected in (("j", "t2"), ("x", "t2"), ("j", "t3"), ("j", "t4"), ("k", "t3")):
        page.keyboard.press(key)
        assert focused(page) == expected
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    assert page.eval_on_selector_all(".tick:checked", "all => all.map(e => e.id)") == [
        "t2",
        "t3",
        "t4",
    ]
    page.keyboard.press("/")
    assert focused(page) == "q"
    page.keyboard.type("jx/e?")
    expect(page.locator("#q")).to_have_value("jx/e?")
    page.evaluate(
        "() => { window.clicks = []; for (const id of ['act', 'clear'])"
        " document.getElementById(id).onclick = () => window.clicks.push(id) }"
    )
    page.focus("#t4")
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    assert page.evaluate("window.clicks") == ["act", "clear"]
    page.keyboard.press("m")  # the next stop after a menu's button is its first item
    expect(page.locator("#menu")).to_be_visible()
    assert focused(page) == "more"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Do"
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#dlg-title")).to_have_text("Keyboard shortcuts")
    page.keyboard.press("j")
    expect(page.locator("#dlg")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#dlg")).to_be_hidden()
    page.focus("#t5")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/roles?row=5")


def test_single_keys_can_be_turned_off(page: Page) -> None:
    page.goto("/settings/profile")
    page.uncheck("#shortcuts")
    page.click("form[action$=looks] button")
    expect(page.locator("#toasts")).to_contain_text("Saved how the console looks")
    page.keyboard.press("?")
    page.wait_for_timeout(200)
    expect(page.locator("#dlg")).to_be_hidden()


def test_polling_updates_cells_says_milestones_and_stops(page: Page) -> None:
    poller = (
        '<div id="poll" {on} hx-swap="outerHTML" data-announce="{said}"></div>'
        '<template><td id="cell" hx-swap-oob="true">{cell}</td></template>'
    )
    on = 'data-poll hx-get="/pretend/poll" hx-trigger="every 50ms, poll-now"'
    put(
        page,
        '<table><tr><td><input id="keep" aria-label="x"></td><td id="cell">0</td></tr></table>'
        + poller.format(on=on, said="", cell="0").partition("<template")[0],
    )
    page.focus("#keep")
    page.evaluate("window.said = document.getElementById('announce')")
    # Each answer stands until the page is seen to show it: a slow browser polls on and misses none.
    seen = []
    now = html(poller.format(on=on, said="50 % of Add tags", cell="1"))

    def answer(route: Route) -> None:
        seen.append(route.request)
        route.fulfill(**now)

    page.route("**/pretend/poll", answer)
    expect(page.locator("#announce")).to_have_text("50 % of Add tags")
    expect(page.locator("#cell")).to_have_text("1")
    now = {"status": 502, "body": "bad gateway"}
    expect(page.locator("#live")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Live updates paused")
    now = html(poller.format(on=on, said="", cell="2"))
    expect(page.locator("#cell")).to_have_text("2")
    expect(page.locator("#live")).to_be_hidden()
    now = html(poller.format(on="", said="Add tags is done", cell="3"))
    expect(page.locator("#announce")).to_have_text("Add tags is done")
    expect(page.locator("#cell")).to_have_text("3")
    assert page.evaluate("window.said === document.getElementById('announce')")
    assert focused(page) == "keep"
    expect(page.locator(".toast")).to_have_count(0)
    count = len(seen)
    page.wait_for_timeout(300)
    assert len(seen) == count


def test_a_hidden_tab_does_not_poll_and_catches_up(page: Page) -> None:
    page.evaluate(
        "window.away = true;"
        "Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true })"
    )
    on = 'data-poll hx-get="/pretend/poll" hx-trigger="every 30s, poll-now" hx-swap="outerHTML"'
    put(page, f'<div id="poll" {on}></div>')
    seen = fulfil(page, "/pretend/poll", [html('<div id="poll">caught up</div>')])
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(150)
    assert seen == []
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#poll")).to_have_text("caught up")


def test_toasts_leave_but_errors_and_what_is_read_stay(page: Page) -> None:
    page.clock.install()
    page.evaluate(
        """() => { for (const kind of ['success', 'error', 'info'])
        document.getElementById('toasts').insertAdjacentHTML(
            'beforeend', `<div class="toast toast-${kind}"><p>${kind}</p></div>`) }"""
    )
    page.hover(".toast-info")
    page.clock.run_for(10_000)
    expect(page.locator(".toast-success")).to_have_count(0)
    expect(page.locator(".toast-error")).to_have_count(1)
    expect(page.locator(".toast-info")).to_have_count(1)
    page.hover("h1")
    page.clock.run_for(10_000)
    expect(page.locator(".toast-info")).to_have_count(0)


def test_a_key_follows_the_latest_notice(page: Page) -> None:
    put(
        page,
        "".join(f'<a href="/settings/{each}" data-key="v">x</a>' for each in ("fields", "roles")),
    )
    page.keyboard.press("v")
    page.wait_for_url("**/settings/roles")


def test_an_ended_session_leads_to_sign_in_and_back(page: Page) -> None:
    ada = people.by_email("ada@example.com")
    assert ada is not None
    people.set_password(ada, PASSWORD)  # which ends her sessions
    db.session.commit()
    page.click("#add-user")
    page.wait_for_url("**/sign-in?next=/settings/users")
    page.fill("#email", "ada@example.com")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/users")


def test_the_sidebar_folds_away_and_opens_by_keyboard(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    sidebar = page.locator("#sidebar")
    expect(sidebar).to_be_hidden()
    page.focus(".topbar button")
    page.keyboard.press("Enter")
    expect(sidebar).to_be_visible()
    page.keyboard.press("Escape")
    expect(sidebar).to_be_hidden()
    expect(page.locator(".topbar button")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_states_that_no_link_leads_to_are_accessible(page: Page) -> None:
    page.click("#add-user")
    expect(page.locator("#dlg")).to_be_visible()
    accessible(page, "dialog")
    page.click("#dlg button[type=submit]")
    expect(page.locator(".error-summary")).to_be_focused()
    accessible(page, "refused dialog")
    page.goto("/settings/audit?q=nobody")
    accessible(page, "nothing found")
    page.context.clear_cookies()
    page.goto("/sign-in")
    accessible(page, "sign-in")


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (
            "@media (prefers-color-scheme: dark) { h1 { color: #222 !important } }",
            "dark: .*contrast",
        ),
        (
            "@media (prefers-color-scheme: light) { h1 { color: #eee !important } }",
            "light: .*contrast",
        ),
    ],
    ids=["dark", "light"],
)
def test_what_cannot_be_read_in_one_theme_is_told(page: Page, spoilt: str, told: str) -> None:
    accessible(page)
    page.evaluate("rule => document.styleSheets[0].insertRule(rule, 0)", spoilt)
    with pytest.raises(AssertionError, match=f"(?s){told}"):
        accessible(page)
