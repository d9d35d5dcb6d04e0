"""The page of an import that is being started by the clock."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from massadmin import imports
from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import unstarted
from massadmin.records.custom_fields import add_field, delete_field
from massadmin.runs import alive
from massadmin.runs.models import Run
from massadmin.tabular import Limits
from massadmin.web.imports import checking
from tests.factories import contacts
from tests.web.conftest import SignIn
from tests.web.runs.test_index import user_of
from tests.web.test_imports import HTMX, the_file, uploaded

pytestmark = pytest.mark.usefixtures("db_session")
CHOSEN = {"match": "email", "on_match": "skip", "unmatched": "create", "empty": "keep"}


@pytest.fixture(autouse=True)
def _everything_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unstarted, "QUICK_ROWS", 2)


def left(browser: FlaskClient) -> int:
    """The id of a file whose import the clock is to start."""
    file_id = uploaded(browser)
    answer = browser.post(f"/imports/{file_id}/start", data=CHOSEN)
    assert (answer.status_code, answer.location) == (303, f"/imports/{file_id}/starting")
    return file_id


def runs() -> int:
    return db.session.scalar(select(func.count()).select_from(Run)) or 0


def test_a_large_import_is_answered_at_once_and_started_later(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    here = f"/imports/{file_id}/starting"
    for step in ("map", "check", "reading"):
        assert browser.get(f"/imports/{file_id}/{step}").location == here
    for step in ("map", "check", "read", "start"):
        assert browser.post(f"/imports/{file_id}/{step}", data=CHOSEN).location == here
    page = browser.get(here).text
    assert "<html" in page
    assert "3 rows" in page
    assert "until that is done, no record is changed" in page
    assert "No clock is running" in page
    assert f'href="/imports/{file_id}/map"' not in page
    listed = browser.get("/imports").text
    assert "Being started, 0 %" in listed
    assert f'href="/imports/{file_id}/check"' in listed
    assert runs() == 0
    alive.beat("clock")
    fragment = browser.get(here, headers=HTMX).text
    assert "<html" not in fragment
    assert "No clock is running" not in fragment
    assert "data-poll" in fragment
    imports.do_errands(Limits())
    run_id = the_file(file_id).run_id
    assert browser.get(here, headers=HTMX).headers["HX-Redirect"] == f"/runs/{run_id}"
    assert browser.get(here).location == f"/runs/{run_id}"
    assert db.session.get_one(Run, run_id).params["policy"]["on_match"] == "skip"
    assert runs() == 1


def test_two_clicks_at_once_lead_to_one_start(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in()
    file_id = left(browser)
    # The second one saw the file as it was before the first.
    monkeypatch.setattr(checking, "elsewhere", lambda file: None)
    other = {**CHOSEN, "on_match": "update"}
    again = browser.post(f"/imports/{file_id}/start", data=other)
    assert (again.status_code, again.location) == (303, f"/imports/{file_id}/starting")
    assert the_file(file_id).choices["on_match"] == "skip"
    imports.do_errands(Limits())
    browser.post(f"/imports/{file_id}/start", data=other)
    assert (the_file(file_id).under_way, runs()) == (None, 1)


def test_how_far_it_is_is_shown_and_announced(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    the_file(file_id).share_done = 61
    db.session.commit()
    fragment = browser.get(f"/imports/{file_id}/starting", headers=HTMX).text
    assert "61 %" in fragment
    assert 'data-announce="50 % of the start are done"' in fragment
    assert "Being started, 61 %" in browser.get("/imports").text


def test_it_can_be_called_off_and_asked_for_again(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    here, check = f"/imports/{file_id}/starting", f"/imports/{file_id}/check"
    assert browser.post(f"/imports/{file_id}/call-off").location == here
    assert browser.get(here).location == check
    page = browser.get(check).text
    assert "The import was not started. No record was touched." in page
    assert "could not be started" not in page
    assert 'checked id="on_match-1"' in page
    assert imports.do_errands(Limits()) == 0
    assert browser.post(f"/imports/{file_id}/start", data=CHOSEN).location == here
    imports.do_errands(Limits())
    assert browser.post(f"/imports/{file_id}/call-off").location == here
    assert browser.get(here).location == f"/runs/{the_file(file_id).run_id}"
    assert "was not started" not in browser.get("/imports").text


def test_a_file_that_is_discarded_is_not_imported(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = left(browser)
    assert browser.post(f"/imports/{file_id}/discard").location == "/imports"
    assert browser.get(f"/imports/{file_id}/starting").status_code == 404
    assert imports.do_errands(Limits()) == 0
    assert runs() == 0


def test_what_could_not_be_started_says_why_and_can_be_started_again(signed_in: SignIn) -> None:
    browser = signed_in()
    admin = user_of(browser)
    manager = signed_in("manager")
    file_id = left(manager)
    owner = db.session.get_one(User, manager.user_id)  # type: ignore[attr-defined]  # as conftest has it
    people.set_role(owner, "support_lead")
    db.session.commit()
    imports.do_errands(Limits())
    people.set_role(owner, "manager")
    db.session.commit()
    here, check = f"/imports/{file_id}/starting", f"/imports/{file_id}/check"
    assert manager.get(here, headers=HTMX).headers["HX-Redirect"] == check
    assert "Could not be started" in manager.get("/imports").text
    page = manager.get(check).text
    assert "The import could not be started" in page
    assert "Your role may not import" in page
    assert "could not be read" not in manager.get(f"/imports/{file_id}/map").text
    assert manager.post(f"/imports/{file_id}/start", data=CHOSEN).location == here
    imports.do_errands(Limits())
    assert manager.get(here).location == f"/runs/{the_file(file_id).run_id}"
    assert admin.can("contacts.import")


def test_a_field_that_was_deleted_is_told_once_and_mapped_anew(signed_in: SignIn) -> None:
    browser = signed_in()
    admin = user_of(browser)
    plan = add_field(contacts(), "Plan", "text", (), admin)
    db.session.commit()
    file_id = left(browser)
    assert the_file(file_id).mapping[2] == "custom.plan"
    delete_field(contacts(), db.session.merge(plan), admin)
    imports.do_errands(Limits())
    answer = browser.get(f"/imports/{file_id}/check")
    assert answer.status_code == 422
    assert answer.text.count("goes to a field that is not there any more") == 1
    mapped = {"column-0": "email", "column-1": "first_name", "column-2": ""}
    assert browser.post(f"/imports/{file_id}/map", data=mapped).status_code == 303
    assert browser.get(f"/imports/{file_id}/check").status_code == 200


def test_an_import_that_is_started_is_its_owners_alone(signed_in: SignIn) -> None:
    file_id = left(signed_in())
    for browser, status in ((signed_in("manager"), 404), (signed_in("support_lead"), 403)):
        assert browser.get(f"/imports/{file_id}/starting").status_code == status
        assert browser.post(f"/imports/{file_id}/call-off").status_code == status
    assert the_file(file_id).under_way == "start"
