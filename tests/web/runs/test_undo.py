"""Undo from the pages: the panel, the preview, the confirmation."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from massadmin.extensions import db
from massadmin.runs.models import Run
from tests.factories import a_user, contact, finished, fresh, run_action, some_contacts, undo_run
from tests.web.conftest import SignIn
from tests.web.runs.test_index import HTMX, user_of
from tests.web.runs.test_page import words

pytestmark = pytest.mark.usefixtures("db_session")


def test_the_panel_tells_what_still_stands(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(3, city="Oslo")
    run = run_action("update_fields", user_of(browser), **{"set.city": "Bergen"})
    contact(ids[0]).city = "Trondheim"
    db.session.commit()
    text = words(browser.get(f"/runs/{run.id}/undo-panel").get_data(as_text=True))
    assert "2 of 3 can be put back" in text
    assert "1 × Changed since" in text
    assert "Until" in text
    assert contact(ids[1]).city == "Bergen"  # only rehearsed


def test_the_panel_of_a_large_run_says_that_it_tried_some(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("massadmin.web.runs.undo.PANEL_SAMPLE", 2)
    browser = signed_in()
    some_contacts(3)
    run = run_action("add_tags", user_of(browser), tags="a")
    text = words(browser.get(f"/runs/{run.id}/undo-panel").get_data(as_text=True))
    assert "2 of the first 2, tried out just now, can be put back" in text


def test_the_panel_of_a_deletion_counts_what_is_in_the_trash(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    run = run_action("delete", user_of(browser), confirm="DELETE")
    html = browser.get(f"/runs/{run.id}/undo-panel").get_data(as_text=True)
    assert "2 still in the trash, of 2" in words(html)
    assert f"/contacts/actions/restore?deleted_run={run.id}" in html


def test_tags_that_would_go_are_named(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="vip")
    html = browser.get(f"/runs/{run.id}/undo", headers=HTMX).get_data(as_text=True)
    assert "<del>vip</del>" in html
    assert "The contact was tried out; nothing has been changed." in words(html)


def test_preview_then_confirm(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1, city="Oslo")
    run = run_action("update_fields", user_of(browser), **{"set.city": "Bergen"})
    html = browser.get(f"/runs/{run.id}/undo", headers=HTMX).get_data(as_text=True)
    assert "City Bergen → becomes Oslo" in words(html)
    data = dict(re.findall(r'name="(expected|idempotency_key)" value="([^"]+)"', html))
    answers = [browser.post(f"/runs/{run.id}/undo", data=data) for _ in range(2)]
    back = db.session.scalars(select(Run).where(Run.undo_of == run.id)).one()
    assert answers[0].location == f"/runs/{back.id}"
    finished(back)
    assert contact(only).city == "Oslo"


def test_from_the_list_the_dialog_closes_and_the_list_tells(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    html = browser.get(f"/runs/{run.id}/undo?from_list=1", headers=HTMX).get_data(as_text=True)
    assert 'hx-include="#runs-known"' in html
    answer = browser.post(
        f"/runs/{run.id}/undo",
        data={"expected": "1", "from_list": "1", "since": str(run.id)},
        headers=HTMX,
    )
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert answer.headers["HX-Retarget"] == "#runs-poll"
    assert "1 new, show" in answer.get_data(as_text=True)


def test_a_drifted_count_is_refused(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    run = run_action("add_tags", user_of(browser), tags="a")
    answer = browser.post(f"/runs/{run.id}/undo", data={"expected": "5"}, headers=HTMX)
    assert answer.status_code == 409
    assert "error-summary" in answer.get_data(as_text=True)
    assert db.session.scalars(select(Run).where(Run.undo_of == run.id)).all() == []


def test_what_cannot_be_undone_says_why(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    undo_run(run, user_of(browser))
    answer = browser.get(f"/runs/{run.id}/undo")
    assert answer.status_code == 409
    assert "It was undone by bulk action" in answer.get_data(as_text=True)
    assert fresh(run).state == "completed"


def test_who_may_not_do_it_may_not_undo_it(signed_in: SignIn) -> None:
    some_contacts(1)
    lead = a_user("support_lead")
    run = run_action("add_tags", a_user(), tags="a")
    db.session.execute(db.update(Run).where(Run.id == run.id).values(user_id=lead.id))
    db.session.commit()
    browser = signed_in(lead)
    assert browser.get(f"/runs/{run.id}").status_code == 200
    assert browser.get(f"/runs/{run.id}/undo").status_code == 409
    assert browser.post(f"/runs/{run.id}/undo", data={"expected": "1"}).status_code == 403
