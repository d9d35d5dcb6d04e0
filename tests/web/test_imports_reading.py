"""The page of a file that is being read by the clock."""

from __future__ import annotations

import pytest
from flask import Flask

from massadmin import imports
from massadmin.imports import unread, uploads
from massadmin.runs import alive
from massadmin.tabular import Limits
from tests.web.conftest import SignIn
from tests.web.test_imports import HTMX, LINES, post_file, the_file

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture(autouse=True)
def _everything_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "QUICK_BYTES", 10)


def left(browser: object, content: bytes = LINES) -> int:
    answer = post_file(browser, content)  # type: ignore[arg-type]  # a browser is what it is
    assert answer.status_code == 303, answer.text
    _, page, number, step = answer.location.split("/")
    assert (page, step) == ("imports", "reading")
    return int(number)


def test_a_large_upload_is_answered_at_once_and_read_later(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    here = f"/imports/{file_id}/reading"
    for step in ("map", "check"):
        assert browser.get(f"/imports/{file_id}/{step}").location == here
    assert browser.post(f"/imports/{file_id}/start").location == here
    page = browser.get(here).text
    assert "<html" in page
    assert "No clock is running" in page
    assert "Being read, 0 %" in browser.get("/imports").text
    alive.beat("clock")
    fragment = browser.get(here, headers=HTMX).text
    assert "<html" not in fragment
    assert "No clock is running" not in fragment
    assert "data-poll" in fragment
    imports.do_errands(Limits())
    then = browser.get(here, headers=HTMX)
    assert then.headers["HX-Redirect"] == f"/imports/{file_id}/map"
    assert browser.get(here).location == f"/imports/{file_id}/map"
    assert "3 rows" in browser.get(f"/imports/{file_id}/map").text


def test_how_far_it_is_is_shown_and_announced(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    the_file(file_id).share_done = 61
    from massadmin.extensions import db

    db.session.commit()
    fragment = browser.get(f"/imports/{file_id}/reading", headers=HTMX).text
    assert "61 %" in fragment
    assert 'data-announce="50 % of the file are read"' in fragment


def test_what_could_not_be_read_is_told_on_its_page(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser, b"Email,City\n")
    here = f"/imports/{file_id}/reading"
    imports.do_errands(Limits())
    assert browser.get(here, headers=HTMX).headers["HX-Redirect"] == here
    page = browser.get(here).text
    assert "header but no rows" in page
    assert "data-poll" not in page
    assert "Could not be read" in browser.get("/imports").text
    assert browser.get(f"/imports/{file_id}/map").location == here
    assert browser.post(f"/imports/{file_id}/discard").location == "/imports"
    assert browser.get(here).status_code == 404


def test_a_file_that_is_no_table_is_refused_at_once(signed_in: SignIn, app: Flask) -> None:
    answer = post_file(signed_in(), b"%PDF-1.4 something long enough", "list.csv")
    assert answer.status_code == 422
    assert "PDF" in answer.text
    folder = uploads._folder()
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_large_file_is_read_again_by_the_clock_too(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    imports.do_errands(Limits())
    here = f"/imports/{file_id}/reading"
    answer = browser.post(f"/imports/{file_id}/read", data={"encoding": "klingon"})
    assert answer.location == here
    assert browser.get(f"/imports/{file_id}/map").location == here
    imports.do_errands(Limits())
    page = browser.get(f"/imports/{file_id}/map").text
    assert "could not be read that way" in page
    assert "klingon" in page
    mapped = {"column-0": "email", "column-1": "first_name", "column-2": ""}
    assert browser.post(f"/imports/{file_id}/map", data=mapped).status_code == 303
    assert "could not be read that way" not in browser.get(f"/imports/{file_id}/map").text


def test_a_file_that_is_read_is_its_owners_alone(signed_in: SignIn) -> None:
    file_id = left(signed_in())
    assert signed_in("manager").get(f"/imports/{file_id}/reading").status_code == 404
    assert signed_in("support_lead").get(f"/imports/{file_id}/reading").status_code == 403
