"""The history page: filters, rows, menus, and its poll."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run
from tests.factories import a_user, fresh, run_action, some_contacts, start_action
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")
HTMX = {"HX-Request": "true"}


def cell(html: str, run: Run, name: str) -> str:
    """The text of one cell."""
    found = re.search(rf'<td id="run-{run.id}-{name}"[^>]*>(.*?)</td>', html, re.S)
    assert found, name
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def user_of(browser: FlaskClient) -> User:
    return db.session.get_one(User, browser.user_id)  # type: ignore[attr-defined]


def test_a_row_tells_the_state_the_tallies_and_by_whom(signed_in: SignIn) -> None:
    browser = signed_in("manager")
    some_contacts(3)
    run = run_action("add_tags", user_of(browser), tags="vip")
    html = browser.get("/runs").get_data(as_text=True)
    assert "Add tag vip" in html
    assert cell(html, run, "state") == "Completed"
    assert cell(html, run, "succeeded") == "3"
    assert cell(html, run, "failed") == "0"
    assert "Manager" in html
    assert "data-poll" not in html  # nothing is under way, so nothing is asked for


def test_errors_show_as_a_chip_and_lead_to_the_failures(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    run = run_action("update_fields", user_of(browser), **{"replace.email": "@=>@@"})
    html = browser.get("/runs").get_data(as_text=True)
    assert cell(html, run, "state") == "With errors"
    assert f"/runs/{run.id}?outcome=failed" in html
    assert "Retry failed" in html


def test_the_menu_holds_only_legal_verbs(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = start_action("add_tags", user_of(browser), tags="a")
    html = browser.get("/runs").get_data(as_text=True)
    assert f'id="run-{run.id}-pause"' in html
    assert f'id="run-{run.id}-cancel"' in html
    assert f'id="run-{run.id}-resume"' not in html
    assert f'id="run-{run.id}-undo"' not in html


def test_a_deletion_says_how_long_it_can_be_restored(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("delete", user_of(browser), confirm="DELETE")
    html = browser.get("/runs").get_data(as_text=True)
    assert "60 days left" in html
    assert f"/contacts/actions/restore?deleted_run={run.id}" in html


def test_filters_are_in_the_address_and_in_the_form(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run_action("add_tags", user_of(browser), tags="vip")
    run_action("remove_tags", user_of(browser), all="yes")
    html = browser.get("/runs?type=add_tags&status=completed&when=7d&q=vip").get_data(as_text=True)
    assert "Add tag vip" in html
    assert "Remove every tag" not in html
    assert '<option value="add_tags" selected>' in html
    assert '<option value="7d" selected>' in html
    assert 'value="vip"' in html


def test_only_who_sees_all_runs_may_filter_by_person(signed_in: SignIn) -> None:
    assert 'name="user"' in signed_in("manager").get("/runs").get_data(as_text=True)
    assert 'name="user"' not in signed_in("member").get("/runs").get_data(as_text=True)


def test_a_member_sees_only_own_runs(signed_in: SignIn) -> None:
    some_contacts(1)
    run_action("add_tags", a_user(), tags="secret")
    html = signed_in("member").get("/runs").get_data(as_text=True)
    assert "secret" not in html
    assert "No bulk actions yet" in html


def test_nonsense_is_explained_and_leads_back(signed_in: SignIn) -> None:
    answer = signed_in().get("/runs?from=nonsense")
    assert answer.status_code == 422
    assert "is no date" in answer.get_data(as_text=True)
    assert 'href="/runs"' in answer.get_data(as_text=True)


def test_htmx_gets_the_table_only(signed_in: SignIn, templates: list[str]) -> None:
    html = signed_in().get("/runs?q=x", headers=HTMX).get_data(as_text=True)
    assert "<html" not in html
    assert 'id="runs"' in html
    assert 'id="count" hx-swap-oob="true"' in html
    assert "runs/_list.html" in templates


def test_pages_lead_on_and_back(signed_in: SignIn) -> None:
    browser = signed_in()
    db.session.execute(
        db.text(
            """
            INSERT INTO runs (action, module, name, user_id, state, idempotency_key, body_hash,
                total, succeeded, skipped, failed)
            SELECT 'add_tags', 'contacts', 'Run ' || i, :user, 'completed', i::text, '', 1, 1, 0, 0
            FROM generate_series(1, 60) AS i
            """
        ),
        {"user": user_of(browser).id},
    )
    db.session.commit()
    html = browser.get("/runs?per=25").get_data(as_text=True)
    assert "1–25 of" in html
    url = re.search(r'id="page-next" href="([^"]+)"', html)
    assert url
    html = browser.get(url[1].replace("&amp;", "&")).get_data(as_text=True)
    assert "26–50 of" in html
    assert 'id="page-previous" href' in html


def poll_url(html: str) -> str:
    found = re.search(r'id="runs-poll"[^>]* hx-get="([^"]+)"', html)
    assert found, "the page does not poll"
    return found[1].replace("&amp;", "&")


def test_the_poll_sends_cells_and_stops_at_the_end(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(300)
    run = start_action("add_tags", user_of(browser), tags="vip")
    html = browser.get("/runs").get_data(as_text=True)
    work_once(run.id)
    html = browser.get(poll_url(html), headers=HTMX).get_data(as_text=True)
    assert cell(html, run, "succeeded") == "100"
    assert "<tr" not in html
    assert f'<td id="run-{run.id}-state" hx-swap-oob="true"' in html
    assert 'data-announce="Add tag vip: 25 % done."' in html
    while work_once(run.id):
        pass
    html = browser.get(poll_url(html), headers=HTMX).get_data(as_text=True)
    assert cell(html, run, "state") == "Completed"
    assert 'data-announce="Add tag vip: completed. 300 succeeded."' in html
    assert f'id="run-{run.id}-undo"' in html  # the menu follows the state
    assert "data-poll" not in html


def test_a_menu_is_left_alone_while_the_state_stays(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(300)
    run = start_action("add_tags", user_of(browser), tags="vip")
    work_once(run.id)
    html = browser.get("/runs").get_data(as_text=True)
    work_once(run.id)
    html = browser.get(poll_url(html), headers=HTMX).get_data(as_text=True)
    assert cell(html, run, "succeeded") == "200"
    assert f'id="run-{run.id}-menu"' not in html


def test_new_runs_are_told_and_not_pushed_in(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    user = user_of(browser)
    start_action("add_tags", user, tags="first")
    html = browser.get("/runs?type=add_tags").get_data(as_text=True)
    start_action("add_tags", user, tags="second")
    start_action("remove_tags", user, all="yes")
    html = browser.get(poll_url(html), headers=HTMX).get_data(as_text=True)
    assert "1 new, show" in html  # only what the filters would show
    assert "second" not in html
    assert 'hx-get="/runs?type=add_tags"' in html
    badge = re.search(r'id="nav-runs-badge"[^>]*>(\d*)<', html)
    assert badge
    assert badge[1] == "3"


def test_a_paused_run_is_looked_at_less_often(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = start_action("add_tags", user_of(browser), tags="a")
    assert "every 2s" in browser.get("/runs").get_data(as_text=True)
    browser.post(f"/runs/{run.id}/pause")
    assert fresh(run).state == "paused"
    assert "every 15s" in browser.get("/runs").get_data(as_text=True)


@pytest.mark.parametrize("known", ["", "x", "1", "1:running", "9" * 40 + ":a:b", "1:running:x"])
def test_a_poll_bears_anything(signed_in: SignIn, known: str) -> None:
    answer = signed_in().get("/runs/live", query_string={"known": known, "since": "x"})
    assert answer.status_code == 200


def test_a_poll_tells_nothing_of_other_peoples_runs(signed_in: SignIn) -> None:
    some_contacts(1)
    run = start_action("add_tags", a_user(), tags="secret")
    html = signed_in("member").get(f"/runs/live?known={run.id}:queued:0").get_data(as_text=True)
    assert f"run-{run.id}" not in html
    assert "secret" not in html
