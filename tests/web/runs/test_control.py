"""Steering a run from its page and from its row."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from massadmin.auth.models import AuditEntry
from massadmin.extensions import db
from massadmin.runs.models import Run
from tests.factories import a_user, finished, fresh, run_action, some_contacts, start_action
from tests.web.conftest import SignIn
from tests.web.runs.test_index import HTMX, cell, user_of

pytestmark = pytest.mark.usefixtures("db_session")


def test_pause_resume_and_cancel_without_javascript(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = start_action("add_tags", user_of(browser), tags="a")
    for verb, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        answer = browser.post(f"/runs/{run.id}/{verb}")
        assert (answer.status_code, answer.location) == (303, f"/runs/{run.id}")
        assert fresh(run).state == state


def test_on_the_page_the_answer_is_its_live_parts(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = start_action("add_tags", user_of(browser), tags="a")
    answer = browser.post(f"/runs/{run.id}/pause", headers=HTMX)
    html = answer.get_data(as_text=True)
    assert answer.headers["HX-Retarget"] == "#run-poll"
    assert 'id="run-buttons" hx-swap-oob="true"' in html
    assert f'action="/runs/{run.id}/resume"' in html
    assert f'action="/runs/{run.id}/pause"' not in html
    assert 'data-announce="Add tag a: paused."' in html


def test_in_the_list_the_answer_is_a_poll_that_keeps_what_the_page_knows(
    signed_in: SignIn,
) -> None:
    browser = signed_in()
    some_contacts(1)
    first = start_action("add_tags", user_of(browser), tags="a")
    second = start_action("add_tags", user_of(browser), tags="b")
    known = [f"{first.id}:queued:0", f"{second.id}:queued:0"]
    answer = browser.post(
        f"/runs/{first.id}/pause", data={"known": known, "from_list": "1"}, headers=HTMX
    )
    html = answer.get_data(as_text=True)
    assert answer.headers["HX-Retarget"] == "#runs-poll"
    assert cell(html, first, "state") == "Paused"
    assert f"known={second.id}%3Aqueued%3A0" in html


def test_what_is_too_late_answers_409_with_the_state_as_it_is(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    answer = browser.post(f"/runs/{run.id}/pause", headers=HTMX)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "is completed and cannot pause any more" in html
    assert 'id="run-heading" hx-swap-oob="true"' in html
    plain = browser.post(f"/runs/{run.id}/cancel")
    assert plain.status_code == 409
    assert "is completed and cannot cancel any more" in plain.get_data(as_text=True)


def test_other_peoples_runs_are_steered_by_managers_only(signed_in: SignIn) -> None:
    some_contacts(1)
    run = start_action("add_tags", a_user(), tags="a")
    assert signed_in("member").post(f"/runs/{run.id}/pause").status_code == 404
    assert signed_in("manager").post(f"/runs/{run.id}/pause").status_code == 303
    assert fresh(run).state == "paused"


def test_cancelling_says_first_what_it_means(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(3)
    run = start_action("add_tags", user_of(browser), tags="a")
    html = browser.get(f"/runs/{run.id}/cancel?from_list=1", headers=HTMX).get_data(as_text=True)
    assert "It cannot be resumed" in html
    assert 'hx-include="#runs-known"' in html
    assert "data-close" in html
    assert "<html" in browser.get(f"/runs/{run.id}/cancel").get_data(as_text=True)


def test_renaming_is_checked_and_logged(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    for bad in ("", "   ", "x" * 121):
        answer = browser.post(f"/runs/{run.id}/name", data={"name": bad}, headers=HTMX)
        assert answer.status_code == 422
        assert "error-summary" in answer.get_data(as_text=True)
    assert browser.post(f"/runs/{run.id}/name", data={"name": " Spring  fair "}).status_code == 303
    assert fresh(run).name == "Spring fair"
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "run.renamed")).one()
    assert entry.details == {"before": "Add tag a", "after": "Spring fair"}
    assert browser.get(f"/runs/{run.id}/name", headers=HTMX).status_code == 200


def test_somebody_elses_run_is_not_renamed(signed_in: SignIn) -> None:
    some_contacts(1)
    run = run_action("add_tags", a_user(), tags="a")
    assert signed_in("member").post(f"/runs/{run.id}/name", data={"name": "x"}).status_code == 404


def test_retry_starts_one_run_over_the_failed(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    run = run_action("update_fields", user_of(browser), **{"replace.email": "@=>@@"})
    key = {"idempotency_key": "the same"}
    answers = [browser.post(f"/runs/{run.id}/retry", data=key) for _ in range(2)]
    again = db.session.scalars(select(Run).where(Run.retry_of == run.id)).one()
    assert {answer.location for answer in answers} == {f"/runs/{again.id}"}
    assert again.total == 2
    finished(again)
    html = browser.get(f"/runs/{run.id}").get_data(as_text=True)
    assert "Retried by" in html


def test_retry_from_the_list_tells_of_the_new_run(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("update_fields", user_of(browser), **{"replace.email": "@=>@@"})
    answer = browser.post(
        f"/runs/{run.id}/retry", data={"from_list": "1", "since": str(run.id)}, headers=HTMX
    )
    html = answer.get_data(as_text=True)
    assert "1 new, show" in html
    assert "View progress" in html


def test_what_has_no_failures_is_not_retried(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    assert browser.post(f"/runs/{run.id}/retry").status_code == 409


def test_who_may_not_do_it_may_not_retry_it(signed_in: SignIn) -> None:
    some_contacts(1)
    lead = a_user("support_lead")
    run = run_action("update_fields", a_user(), **{"replace.email": "@=>@@"})
    db.session.execute(db.update(Run).where(Run.id == run.id).values(user_id=lead.id))
    db.session.commit()
    assert signed_in(lead).post(f"/runs/{run.id}/retry").status_code == 403


@pytest.mark.parametrize("path", ["", "/live", "/undo", "/undo-panel", "/cancel", "/name"])
def test_no_such_run(signed_in: SignIn, path: str) -> None:
    assert signed_in().get(f"/runs/999999{path}").status_code == 404
    assert signed_in("manager").get(f"/runs/{2**63}{path}").status_code == 404
