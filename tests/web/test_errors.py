"""What cannot be done is told as a page, or as a notice where htmx asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, abort
from sqlalchemy.exc import OperationalError

from massadmin.extensions import login_manager
from massadmin.web import access
from tests.web.conftest import SignIn

ERRORS: list[tuple[Any, int, str]] = [
    (403, 403, "Your role does not allow this"),
    (404, 404, "There is nothing here"),
    (409, 409, "Somebody was faster"),
    (413, 413, "That is too large"),
    (418, 418, "I&#39;m a teapot"),
]


@pytest.mark.parametrize(("code", "status", "title"), ERRORS)
def test_an_error_is_a_page_or_a_notice(
    app: Flask, signed_in: SignIn, code: int, status: int, title: str
) -> None:
    browser = signed_in()

    def view() -> None:
        abort(code)

    with replaced(app, view):
        page = browser.get("/shortcuts")
        notice = browser.get("/shortcuts", headers={"HX-Request": "true"})
    assert page.status_code == notice.status_code == status
    assert title in page.text
    assert 'id="sidebar"' in page.text
    assert notice.text.lstrip().startswith('<div class="toast toast-error">')
    assert title in notice.text
    assert notice.headers["HX-Retarget"] == "#toasts"
    assert notice.headers["HX-Reswap"] == "beforeend"


def test_a_views_own_sentence_is_shown(app: Flask, signed_in: SignIn) -> None:
    browser = signed_in()

    def view() -> None:
        abort(409, "12,440 contacts match now; you saw <12,431>.")

    with replaced(app, view):
        assert (
            "12,440 contacts match now; you saw &lt;12,431&gt;." in browser.get("/shortcuts").text
        )


def test_a_crash_says_nothing_but_its_reference(
    app: Flask, signed_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    browser = signed_in()

    def view() -> None:
        raise RuntimeError("the secret inside")

    with replaced(app, view):
        page = browser.get("/shortcuts")
    assert page.status_code == 500
    assert "secret inside" not in page.text
    assert 'id="sidebar"' not in page.text
    found = re.search(r"reference <code>(\w{8})</code>", page.text)
    assert found
    assert f"reference={found[1]}" in caplog.text
    assert "the secret inside" in caplog.text


def test_a_database_that_is_away_is_said_so(app: Flask, signed_in: SignIn) -> None:
    browser = signed_in()

    def view() -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused to db:5432"))

    with replaced(app, view):
        page = browser.get("/shortcuts")
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "The database cannot be reached" in page.text
    assert "5432" not in page.text


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
def test_a_database_that_cannot_say_who_somebody_is(
    app: Flask, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """It is away before the view is reached, and the page about that asks it nothing more."""
    browser = signed_in()

    def away(token: str) -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr(login_manager, "_user_callback", away)
    page = browser.get("/shortcuts", headers=headers)
    assert page.status_code == 503
    assert "The database cannot be reached" in page.text


def test_a_wrong_method_names_the_right_ones(signed_in: SignIn) -> None:
    answer = signed_in().post("/shortcuts")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


class replaced:
    """A context in which `/shortcuts` is answered by another view, for all who are signed in."""

    def __init__(self, app: Flask, view: Any) -> None:
        self._app, self._view = app, access.signed_in(view)

    def __enter__(self) -> None:
        self._kept = self._app.view_functions["console.shortcuts"]
        self._app.view_functions["console.shortcuts"] = self._view

    def __exit__(self, *_: object) -> None:
        self._app.view_functions["console.shortcuts"] = self._kept
