"""The page of one run: its parts, its tabs, and its poll."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import text, update

from massadmin.exports.keeping import file_of
from massadmin.extensions import db
from massadmin.runs.chunk import TryLater
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run
from tests.factories import (
    a_user,
    contact,
    fresh,
    run_action,
    some_contacts,
    start_action,
    undo_run,
)
from tests.web.conftest import SignIn
from tests.web.runs.test_index import HTMX, user_of

pytestmark = pytest.mark.usefixtures("db_session")


def words(html: str) -> str:
    """What is read on a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def get(browser: Any, url: str, **options: Any) -> str:
    answer = browser.get(url, **options)
    assert answer.status_code == 200, answer.status
    html: str = answer.get_data(as_text=True)
    return html


def test_it_tells_how_it_went(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(4)
    run_action("add_tags", user_of(browser), f"id:is:{ids[0]}", tags="vip")
    run = run_action("add_tags", user_of(browser), tags="vip")
    text = words(get(browser, f"/runs/{run.id}"))
    assert "Completed Every record has its result." in text
    assert "Processed 4 of 4" in text
    assert "Succeeded 3" in text
    assert "Skipped 1" in text
    assert "1 × Already has these tags" in text
    assert "First1 Last1" in text
    assert "by itself" not in text


def test_errors_have_a_chip_of_their_own(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("update_fields", user_of(browser), **{"replace.email": "@=>@@"})
    html = get(browser, f"/runs/{run.id}")
    assert "Completed with errors Every record has its result; 1 record failed." in words(html)
    assert f'href="/runs/{run.id}/failures.csv"' in html
    assert "Retry 1 failed" in words(html)


def break_off(action: Any, chunk: Any) -> None:
    raise TryLater("connection <lost>")


def test_what_is_tried_again_is_told_with_its_reason(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = signed_in()
    some_contacts(250)
    run = start_action("add_tags", user_of(browser), tags="vip")
    assert work_once(run.id)
    with monkeypatch.context() as broken:
        broken.setattr("massadmin.runs.execute.apply_chunk", break_off)
        assert work_once(run.id)
    db.session.execute(text("UPDATE run_chunks SET due_at = now() + interval '90 s' WHERE seq = 1"))
    db.session.commit()
    told = r"Chunk 2 is tried again in 1 min \d+ s \(attempt 2 of 6\): connection &lt;lost&gt;"
    for url in (f"/runs/{run.id}", f"/runs/{run.id}/live?state=running&quarter=1"):
        html = get(browser, url)
        assert re.search(told, words(html)), words(html)
        assert 'data-announce="Chunk 2 could not be done' in html
    with monkeypatch.context() as broken:
        broken.setattr("massadmin.runs.execute.apply_chunk", break_off)
        assert work_once(run.id)
    assert "1 other waits like it." in words(get(browser, f"/runs/{run.id}"))
    db.session.execute(text("UPDATE run_chunks SET due_at = now()"))
    db.session.commit()
    assert "is tried again now" in words(get(browser, f"/runs/{run.id}"))
    while work_once(run.id):
        pass
    assert "tried again" not in get(browser, f"/runs/{run.id}")


def test_a_run_that_holds_says_what_stopped_it(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = start_action("add_tags", user_of(browser), tags="a")
    db.session.execute(
        update(Run).where(Run.id == run.id).values(state="holding", error="disk <full>")
    )
    db.session.commit()
    html = get(browser, f"/runs/{run.id}")
    assert "disk &lt;full&gt;" in html
    assert f'action="/runs/{run.id}/resume"' in html
    assert f'action="/runs/{run.id}/pause"' not in html


def test_results_are_filtered_by_outcome_reason_and_words(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(4)
    run_action("add_tags", user_of(browser), f"id:is:{ids[0]}", tags="vip")
    run = run_action("add_tags", user_of(browser), tags="vip")
    skipped = get(browser, f"/runs/{run.id}?outcome=skipped")
    assert "First1 Last1" in skipped
    assert "First2 Last2" not in skipped
    reason = get(browser, f"/runs/{run.id}?reason=Already+has+these+tags")
    assert "First1 Last1" in reason
    assert "First2 Last2" not in reason
    named = get(browser, f"/runs/{run.id}?q=last3")
    assert "First3 Last3" in named
    assert "1–1 of" in words(named)
    assert "No result matches" in get(browser, f"/runs/{run.id}?q=nobody")
    assert "That cannot be searched for" in get(browser, f"/runs/{run.id}?outcome=odd")
    # A page that is not there is the first page.
    assert "First1 Last1" in get(browser, f"/runs/{run.id}?after=x")


def test_changes_show_labels_values_and_names(signed_in: SignIn) -> None:
    browser = signed_in()
    user = user_of(browser)
    some_contacts(1, city="Oslo")
    other = a_user("manager", "Grace Hopper")
    run = run_action("update_fields", user, **{"set.city": "Bergen", "set.dnd_email": "yes"})
    text = words(get(browser, f"/runs/{run.id}?tab=changes"))
    assert "City Oslo → becomes Bergen" in text
    assert "No → becomes Yes" in text
    run = run_action("change_owner", user, owner=str(other.id))
    text = words(get(browser, f"/runs/{run.id}?tab=changes"))
    assert "Owner empty → becomes Grace Hopper" in text
    run = run_action("add_tags", user, tags="vip,new")
    assert "Tags added new vip" in words(get(browser, f"/runs/{run.id}?tab=changes")) or (
        "Tags added vip new" in words(get(browser, f"/runs/{run.id}?tab=changes"))
    )
    run = run_action("delete", user, confirm="DELETE")
    assert "No changed fields" in get(browser, f"/runs/{run.id}?tab=changes")


def test_settings_are_those_it_was_started_with(signed_in: SignIn) -> None:
    browser = signed_in()
    user = user_of(browser)
    some_contacts(1, status="Lead")
    run = run_action("add_tags", user, "status:is:Lead", f"owner_id:is_not:{user.id}", tags="vip")
    html = get(browser, f"/runs/{run.id}?tab=settings")
    assert "Status is Lead and Owner is not Admin" in words(html)
    assert "/contacts?f=status%3Ais%3ALead" in html
    assert "1 of 1 done" in words(html)
    undone = undo_run(run, user)
    html = get(browser, f"/runs/{undone.id}?tab=settings")
    assert f"those that succeeded in bulk action {run.id}" in html
    assert f"/runs/{run.id}?outcome=succeeded" in html


def test_the_timeline_is_of_this_run_only(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    runs = [start_action("add_tags", user_of(browser), tags=f"t{n}") for n in range(11)]
    browser.post(f"/runs/{runs[0].id}/pause")
    text = words(get(browser, f"/runs/{runs[0].id}?tab=timeline"))
    assert "Asked for a pause · Admin" in text
    assert "Bulk action paused · by itself" in text
    assert text.count("Started a bulk action") == 1
    assert "1 contact" in text


def test_runs_that_belong_together_lead_to_one_another(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    back = undo_run(run, user_of(browser))
    assert f"Undone by Undo: Add tag a ({back.id})" in words(get(browser, f"/runs/{run.id}"))
    assert f"Takes back Add tag a ({run.id})" in words(get(browser, f"/runs/{back.id}"))


def test_htmx_gets_a_tab_or_what_stands_in_it(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    tabs = get(
        browser, f"/runs/{run.id}?tab=changes", headers={**HTMX, "HX-Target": "run-tabs"}
    ).strip()
    assert tabs.startswith('<div class="run-tabs stack" id="run-tabs">')
    inside = get(browser, f"/runs/{run.id}?q=x", headers={**HTMX, "HX-Target": "run-tab"}).strip()
    assert inside.startswith('<div class="stack" id="run-tab">')


def test_the_poll_sends_parts_and_stops_at_the_end(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(300)
    run = start_action("add_tags", user_of(browser), tags="vip")
    html = get(browser, f"/runs/{run.id}")
    poll = re.search(r'id="run-poll"[^>]* hx-get="([^"]+)"', html)
    assert poll
    work_once(run.id)
    html = get(browser, poll[1].replace("&amp;", "&"), headers=HTMX)
    assert '<dd id="run-tile-processed" hx-swap-oob="true">100 ' in html
    assert 'data-announce="Add tag vip: 25 % done."' in html
    assert 'id="run-tab"' not in html  # rows stay as they are
    poll = re.search(r'id="run-poll"[^>]* hx-get="([^"]+)"', html)
    assert poll
    work_once(run.id)
    html = get(browser, poll[1].replace("&amp;", "&"), headers=HTMX)
    assert 'id="run-buttons"' not in html  # nor buttons while the state stays
    poll = re.search(r'id="run-poll"[^>]* hx-get="([^"]+)"', html)
    assert poll
    while work_once(run.id):
        pass
    html = get(browser, poll[1].replace("&amp;", "&"), headers=HTMX)
    assert "data-poll" not in html
    assert 'data-announce="Add tag vip: completed. 300 succeeded."' in html
    assert "Show all 300 results" in html
    assert 'id="undo-panel"' in html
    assert 'id="run-steer"' in html  # focus finds a button where the pause was
    assert '<span class="badge" id="nav-runs-badge" hx-swap-oob="true"></span>' in html


def test_a_poll_brings_what_belongs_to_a_new_state_when_there_is_one(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    run = run_action("add_tags", user_of(browser), tags="vip")
    undo = undo_run(run, user_of(browser))
    start_action("add_tags", user_of(browser), tags="waits")
    news = get(browser, f"/runs/{undo.id}/live?state=running&quarter=0", headers=HTMX)
    assert f'Takes back <a href="/runs/{run.id}">' in news
    assert re.search(r'id="nav-runs-badge"[^>]*>1<', news)
    no_news = get(browser, f"/runs/{undo.id}/live?state=completed&quarter=4", headers=HTMX)
    assert "Takes back" not in no_news
    assert "nav-runs-badge" not in no_news


def test_an_empty_list_of_results_fetches_itself_once_there_are_some(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = start_action("add_tags", user_of(browser), tags="vip")
    waiting = get(browser, f"/runs/{run.id}")
    assert f'hx-get="/runs/{run.id}?tab=results" hx-trigger="results-there from:body"' in waiting
    live = f"/runs/{run.id}/live?state=queued&quarter=0"
    assert "HX-Trigger" not in browser.get(live, headers=HTMX).headers
    while work_once(run.id):
        pass
    assert browser.get(live, headers=HTMX).headers["HX-Trigger"] == "results-there"
    there = get(browser, f"/runs/{run.id}?tab=results", headers={**HTMX, "HX-Target": "run-tab"})
    assert "results-there" not in there
    # It needs no hint any more that all results are there.
    gone = '<div id="results-news" hx-swap-oob="true"></div>'
    assert there.count(gone) == 1
    for tab in ("results", "changes", "timeline"):
        whole = {**HTMX, "HX-Target": "run-tabs"}
        assert get(browser, f"/runs/{run.id}?tab={tab}", headers=whole).count(gone) == 1
    assert 'id="results-news" hx-swap-oob' not in get(browser, f"/runs/{run.id}")


def test_somebody_elses_run_is_not_there(signed_in: SignIn) -> None:
    some_contacts(1)
    run = run_action("add_tags", a_user(), tags="a")
    member = signed_in("member")
    for path in ("", "?tab=timeline", "/live", "/failures.csv", "/undo", "/undo-panel"):
        assert member.get(f"/runs/{run.id}{path}").status_code == 404
    assert signed_in("manager").get(f"/runs/{run.id}").status_code == 200


def test_names_of_records_are_shown_as_text(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1, city="<b>Oslo</b>")
    run = run_action("update_fields", user_of(browser), **{"set.city": "<i>x</i>"})
    html = get(browser, f"/runs/{run.id}?tab=changes")
    assert "&lt;i&gt;x&lt;/i&gt;" in html
    assert "<i>x</i>" not in html


def test_the_result_of_a_record_that_is_not_theirs_any_more_is_not_shown(signed_in: SignIn) -> None:
    admin, member = a_user(), a_user("member")
    [only] = some_contacts(1, owner_id=member.id)
    run = run_action("add_tags", member, tags="a")
    contact(only).owner_id = admin.id
    db.session.commit()
    browser = signed_in(member)
    for tab in ("results", "changes"):
        html = get(browser, f"/runs/{run.id}?tab={tab}")
        assert "Last1" not in html
        assert f"/contacts/{only}" not in html
    assert "Only results of records that are yours by now" in get(browser, f"/runs/{run.id}")
    lines = browser.get(f"/runs/{run.id}/failures.csv?outcome=succeeded", buffered=True).data
    assert len(lines.splitlines()) == 1


def test_the_reasons_of_a_large_run_are_counted_after_the_page(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("massadmin.web.runs.tabs.EXACT_COUNT", 2)
    browser = signed_in()
    some_contacts(3, city="Oslo")
    run = run_action("update_fields", user_of(browser), **{"set.city": "Oslo"})
    page = get(browser, f"/runs/{run.id}?outcome=skipped")
    link = f"/runs/{run.id}/reasons?outcome=skipped"
    assert f'hx-get="{link}" hx-trigger="load"' in page
    assert 'class="reason ' not in page
    assert "3 × Already so" in words(get(browser, link))
    assert "3 × Already so" in words(get(browser, f"/runs/{run.id}?reasons=1"))


def test_a_run_whose_action_is_gone_can_still_be_read(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    run = run_action("add_tags", user_of(browser), tags="a")
    db.session.execute(update(Run).where(Run.id == run.id).values(action="long_gone"))
    db.session.commit()
    for tab in ("results", "changes", "settings", "timeline"):
        assert "long_gone" in get(browser, f"/runs/{run.id}?tab={tab}")
    assert fresh(run).action == "long_gone"


def test_a_file_is_offered_to_those_who_may_have_it_while_it_is_kept(signed_in: SignIn) -> None:
    browser = signed_in("manager")
    some_contacts(1)
    run = run_action("export", user_of(browser), columns="email", format="csv")
    link = f"/exports/{run.id}/download"
    assert link in get(browser, f"/runs/{run.id}")
    assert link in get(browser, "/runs")
    assert link not in get(signed_in(a_user("manager", "Other")), f"/runs/{run.id}")
    path = file_of(run)
    assert path
    path.unlink()
    assert link not in get(browser, f"/runs/{run.id}")
