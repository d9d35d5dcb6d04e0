"""What tests in a browser share: one Chromium, the application listening, people signed in."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from werkzeug.serving import make_server

from massadmin.auth import User, sessions
from massadmin.extensions import db
from massadmin.runs.execute import work_once
from tests.factories import a_user

OpenPage = Callable[..., Page]
Scheme = Literal["dark", "light"]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
]
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Those of them that depend on the theme. The others look at what is there, not at its colours.
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}

# Refusals and lost answers are what some tests are about; a page says them in its own way.
EXPECTED = re.compile(
    r"Failed to load resource|Response Status Error|htmx:(sendError|sendAbort|afterRequest)"
)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests of the process: starting it takes longer than most of them."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the application listens, for the length of a test, with its forms guarded."""
    app.config["WTF_CSRF_ENABLED"] = True
    server = make_server("127.0.0.1", 0, app, threaded=True)
    # Closing it then waits for what is being answered: the database is emptied right afterwards.
    server.daemon_threads = False  # type: ignore[attr-defined]  # of the threaded kind of server
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(app: Flask, address: str, browser: Browser) -> Iterator[OpenPage]:
    """`open_page("manager")` or `open_page(user)`: a blank page of a new browser profile in which
    that person is signed in; `options` are those of a Playwright context, names and e-mail those of
    a new user. A script error or a refused inline style on any of the pages fails the test.
    """
    complaints: list[str] = []
    contexts = []

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            complaints.append(message.text)

    def open_one(
        who: str | User = "admin", *, name: str | None = None, email: str = "", **options: Any
    ) -> Page:
        with app.app_context():
            columns = {"email": email} if email else {}
            user = a_user(who, name, **columns) if isinstance(who, str) else db.session.merge(who)
            token = sessions.start(user, address="127.0.0.1", agent="Chrome/140.0 on Linux")
            db.session.commit()
            db.session.remove()
        signing = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # Flask's own sessions
        context = browser.new_context(base_url=address, **{"reduced_motion": "reduce", **options})
        contexts.append(context)
        context.add_cookies(
            [
                {
                    "name": app.config["SESSION_COOKIE_NAME"],
                    "value": signing.dumps({"_user_id": token}),
                    "url": address,
                    "httpOnly": True,
                }
            ]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def worker(app: Flask) -> Iterator[None]:
    """Somebody who works on what is started, as a worker process does, until the test is over."""
    over = threading.Event()

    def work() -> None:
        with app.app_context():
            while not over.is_set():
                if not work_once():
                    db.session.remove()
                    over.wait(0.05)
            db.session.remove()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.fixture
def admin(db_session: Any) -> User:
    """The admin whose browser `page` is."""
    return a_user("admin", "Ada Lovelace", email="ada@example.com")


@pytest.fixture
def page(open_page: OpenPage, admin: User, worker: None) -> Page:
    """A blank page of an admin, while a worker does what is started."""
    return open_page(admin)


# What is still being fetched is pale and what has come is still fading in. What turns for ever may.
AT_REST = """() => !document.querySelector(
        '.htmx-request, .htmx-swapping, .htmx-settling, .is-loading')
    && document.getAnimations().every(each => each.playState !== 'running'
        || each.effect.getComputedTiming().endTime === Infinity)"""


def accessible(page: Page, state: str = "") -> None:
    """Fail with a readable report when the page, once at rest, breaks a rule of WCAG 2.2 AA in
    the light or the dark theme. Leaves it in the light one."""
    rules_of: dict[Scheme, dict[str, Any]] = {"dark": OF_COLOURS, "light": RULES}
    for scheme, rules in rules_of.items():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(AT_REST)
        # Without the second option it also lists, for a long time, all that is as it should be.
        found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        assert found.violations_count == 0, f"{state} {scheme}: {found.generate_report()}"
