"""Every page that links lead to, in both themes: accessible, ids unique, nothing beyond the edge of
a small screen or of text twice as large, readable without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import text

from massadmin.auth import User
from massadmin.extensions import db
from massadmin.records.modules import CustomField
from massadmin.records.smart_lists import save_list
from massadmin.runs.control import control
from tests.browser.conftest import OpenPage, accessible
from tests.browser.test_runs import a_going_run, same_ids_twice
from tests.factories import a_user, contacts, query, run_action, some_contacts, start_action

pytestmark = pytest.mark.browser

FILES = ("exports.download", "runs.failures", "imports.errors", "static", "assets.vendor")
# What no link but a form or a script leads to.
MORE = ("/no/such/page", "/runs?q=nothing", "/contacts?q=nobody", "/trash/find", "/shortcuts")
LEAST = 25


@pytest.fixture
def lived_in(admin: User, tmp_path: Path) -> None:
    """A console in which a little of everything has happened, with names long and from right to
    left, and tallies as large as the database bears."""
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    ids = some_contacts(60, status="Lead", owner_id=admin.id, city="Rome")
    a_user("manager", "Wolfeschlegelsteinhausenbergerdorff " * 2)
    for each, first in ((ids[0], "Wolfeschlegelsteinhausen" * 4), (ids[1], "محمد"), (ids[2], None)):
        db.session.execute(
            text("UPDATE contacts SET first_name = :first WHERE id = :id"),
            {"first": first, "id": each},
        )
    save_list(admin, contacts(), "A list with quite a long name", query("status:is:Lead"))
    db.session.commit()
    run_action("add_tags", admin, tags="vip, a tag with a rather long name")
    run_action("update_fields", admin, **{"replace.email": "p1@=>@@", "set.city": "Oslo"})
    run_action("delete", admin, f"id:one_of:{ids[-1]}|{ids[-2]}", confirm="DELETE")
    run_action("export", admin, columns="email,city", format="csv")
    control(start_action("add_tags", admin, tags="later"), "pause", admin)
    large = a_going_run(admin)
    db.session.execute(
        text("UPDATE run_chunks SET succeeded = 400000000 WHERE run_id = :id AND succeeded > 0"),
        {"id": large.id},
    )
    db.session.execute(
        text("UPDATE runs SET total = 2000000000, name = :name WHERE id = :id"),
        {"id": large.id, "name": "A bulk action with a name that never seems to end " * 3},
    )
    db.session.commit()


def walk(page: Page, app: Flask) -> Iterator[str]:
    """Have the page show each kind of page that can be reached by following links; its address."""
    seen: set[str] = set()
    ahead = ["/", *MORE]
    urls = app.url_map.bind("localhost")
    while ahead:
        path = ahead.pop(0)
        parts = urlsplit(path)
        known = urls.test(parts.path, "GET")
        endpoint = urls.match(parts.path)[0] if known else parts.path
        kind = path if path in MORE else " ".join([endpoint, *parse_qs(parts.query).get("tab", [])])
        if endpoint in FILES or kind in seen or not (path in MORE or known):
            continue
        seen.add(kind)
        page.goto(path)
        ahead += page.eval_on_selector_all(
            'a[href^="/"]', "links => links.map(each => each.getAttribute('href'))"
        )
        yield path
    assert len(seen) >= LEAST, sorted(seen)


@pytest.mark.usefixtures("lived_in")
def test_every_page(open_page: OpenPage, admin: User, app: Flask) -> None:
    page = open_page(admin, viewport={"width": 1280, "height": 800})
    for path in walk(page, app):
        accessible(page, path)
        assert same_ids_twice(page) == [], path
        assert page.locator("h1, [role=dialog] h2, #dlg-title").count() >= 1, path
        assert page.locator("main .btn-primary:visible").count() <= 1, path
        # At 640 a screen of 1280 shows everything twice as large.
        for width in (640, 320):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} wide at {width}"
        page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.usefixtures("lived_in")
def test_every_page_can_be_read_without_scripts(
    open_page: OpenPage, admin: User, app: Flask
) -> None:
    without = open_page(admin, java_script_enabled=False)
    for path in walk(without, app):
        assert without.locator("h1:visible, h2:visible").count() >= 1, path
        assert without.locator("main").inner_text().strip(), path


@pytest.mark.usefixtures("lived_in")
def test_a_poll_that_fails_is_told_accessibly(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)

    def refuse(route: Route) -> None:
        route.abort()

    page.goto("/runs")
    page.route("**/runs/live*", refuse)
    expect(page.get_by_text("Live updates paused").first).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Retry", exact=True).click(trial=True)
    accessible(page, "failed poll")
