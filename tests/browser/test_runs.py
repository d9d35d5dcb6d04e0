"""Bulk actions in a real browser: cells change under the reader's eyes, and nothing else does."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text, update

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs.control import control
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run, RunChunk
from tests.browser.conftest import OpenPage, accessible
from tests.factories import a_user, fresh, run_action, some_contacts, start_action

pytestmark = pytest.mark.browser


@pytest.fixture
def admin(db_session: object) -> User:
    return a_user("admin", "Ada Lovelace", email="ada@example.com")


@pytest.fixture
def page(open_page: OpenPage, admin: User) -> Page:
    """A blank page of an admin; nobody works on runs but the test itself."""
    window = open_page(admin, viewport={"width": 1280, "height": 800})
    window.set_default_timeout(15_000)
    return window


def a_going_run(admin: User) -> Run:
    """A run of three chunks, the first of which is done."""
    some_contacts(300)
    run = start_action("add_tags", admin, tags="vip")
    work_once(run.id)
    return fresh(run)


def finish(run: Run) -> None:
    while work_once(run.id):
        pass


def same_ids_twice(page: Page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('[id]')].map(e => e.id)"
        ".filter((id, place, all) => all.indexOf(id) !== place)"
    )


def test_a_poll_changes_cells_and_leaves_menu_and_focus_alone(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto("/runs")
    page.evaluate("window.said = document.getElementById('announce')")
    row = page.locator(f"#run-{run.id}")
    row.evaluate("each => { window.row = each }")
    page.click(f"#run-{run.id}-menu-button")
    page.focus(f"#run-{run.id}-pause")
    work_once(run.id)
    expect(page.locator(f"#run-{run.id}-succeeded")).to_have_text("200")
    expect(page.locator(f"#run-{run.id}-menu")).to_be_visible()
    expect(page.locator(f"#run-{run.id}-pause")).to_be_focused()
    expect(page.locator("#announce")).to_have_text("Add tag vip: 50 % done.")
    page.keyboard.press("Enter")
    expect(page.locator(f"#run-{run.id}-state")).to_contain_text("Paused")
    expect(page.locator(f"#run-{run.id}-menu-button")).to_be_focused()
    assert page.evaluate(
        f"row === document.getElementById('run-{run.id}')"
        " && said === document.getElementById('announce')"
    )
    assert same_ids_twice(page) == []


def test_the_poll_stops_when_nothing_is_under_way(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto("/runs")
    finish(run)
    expect(page.locator(f"#run-{run.id}-state")).to_contain_text("Completed")
    assert page.locator("[data-poll]").count() == 0
    expect(page.locator("#nav-runs-badge")).to_have_text("")
    page.click(f"#run-{run.id}-menu-button")
    expect(page.locator(f"#run-{run.id}-undo")).to_be_visible()
    expect(page.locator(f"#run-{run.id}-cancel")).to_have_count(0)


def test_new_runs_wait_to_be_shown(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto("/runs")
    newer = start_action("remove_tags", admin, all="yes")
    page.click("#runs-show-new")
    expect(page.locator("tbody tr").first).to_have_attribute("id", f"run-{newer.id}")
    expect(page.locator(f"#run-{run.id}")).to_be_visible()


def test_pause_and_resume_by_keyboard_until_the_end(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto(f"/runs/{run.id}")
    page.focus("#run-steer")
    page.keyboard.press("Enter")
    expect(page.locator("#run-state")).to_have_text("Paused")
    expect(page.locator("#run-steer")).to_have_text("Resume")
    expect(page.locator("#run-steer")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run-steer")).to_have_text("Pause")
    expect(page.locator("#run-steer")).to_be_focused()
    finish(run)
    expect(page.locator("#run-state")).to_have_text("Completed")
    expect(page.locator("#run-steer")).to_be_focused()
    expect(page.locator("#run-tile-succeeded")).to_have_text("300")
    expect(page.locator("#announce")).to_have_text("Add tag vip: completed. 300 succeeded.")
    expect(page.locator("#undo-panel")).to_contain_text("can be put back")
    assert same_ids_twice(page) == []


def test_cancelling_asks_and_gives_focus_back(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto("/runs")
    page.click(f"#run-{run.id}-menu-button")
    page.click(f"#run-{run.id}-cancel")
    expect(page.locator("#dlg")).to_contain_text("100 of 300 contacts are done")
    accessible(page, "cancel")
    page.keyboard.press("Escape")
    expect(page.locator(f"#run-{run.id}-menu-button")).to_be_focused()
    assert fresh(run).state == "running"
    page.click(f"#run-{run.id}-menu-button")
    page.click(f"#run-{run.id}-cancel")
    page.click("#dlg .btn-danger")
    expect(page.locator(f"#run-{run.id}-state")).to_contain_text("Cancelled")
    expect(page.locator("#dlg")).to_be_hidden()
    expect(page.locator(f"#run-{run.id}-menu-button")).to_be_focused()


def test_cancelling_by_keyboard_ends_on_what_is_left_to_press(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto(f"/runs/{run.id}")
    page.focus("#run-cancel")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it going")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#run-state")).to_have_text("Cancelled")
    expect(page.locator("#run-cancel")).to_have_count(0)
    expect(page.locator("#run-steer")).to_be_focused()


def test_somebody_was_faster(page: Page, admin: User) -> None:
    run = a_going_run(admin)
    page.goto(f"/runs/{run.id}")
    page.evaluate("document.getElementById('run-poll').remove()")  # a page that is out of date
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div id=run-poll></div>')")
    finish(run)
    page.click("#run-steer")
    expect(page.locator("#toasts")).to_contain_text("is completed and cannot pause any more")
    expect(page.locator("#run-state")).to_have_text("Completed")
    expect(page.locator("#undo-panel")).to_contain_text("can be put back")


def test_the_dialog_keeps_what_was_typed_and_where_one_was(page: Page, admin: User) -> None:
    ids = some_contacts(3, city="Oslo")
    page.goto(f"/contacts/{ids[0]}")
    page.evaluate(
        """url => {
            const button = document.createElement('button');
            button.id = 'opener'; button.textContent = 'Open';
            button.setAttribute('hx-get', url); button.setAttribute('hx-target', '#dlg');
            document.querySelector('main').append(button); htmx.process(button);
        }""",
        f"/contacts/actions/update_fields?ids={','.join(map(str, ids))}",
    )
    page.click("#opener")
    expect(page.locator("#change-0-field")).to_be_focused()
    page.select_option("#change-0-field", "city")
    page.fill("#change-0-value", "Bergen")
    page.click("#change-add")
    expect(page.locator("#change-1-field")).to_be_focused()
    page.select_option("#change-1-field", "dnd_email")
    expect(page.locator("select#change-1-choice")).to_be_visible()
    accessible(page, "configure")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#dlg .error-summary")).to_be_focused()
    accessible(page, "mistakes")
    page.select_option("#change-1-choice", "yes")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#dlg .forecast-good")).to_contain_text("3")
    accessible(page, "preview")
    page.click("#action-back-button")
    expect(page.locator("#change-0-value")).to_have_value("Bergen")
    page.get_by_role("button", name="Preview").click()
    page.click("#action-start")
    expect(page.locator("#dlg")).to_be_hidden()
    expect(page.locator("#opener")).to_be_focused()
    expect(page.locator("#toasts")).to_contain_text("View progress")
    expect(page.locator("#nav-runs-badge")).to_have_text("1")


def test_without_javascript_an_action_is_started_and_paused(
    open_page: OpenPage, admin: User
) -> None:
    [only] = some_contacts(1)
    page = open_page(admin, java_script_enabled=False)
    page.goto(f"/contacts/actions/add_tags?ids={only}")
    page.fill("#tags", "vip")
    page.keyboard.press("Enter")
    page.click("#action-start")
    expect(page.locator("h1")).to_have_text("Add tag vip")
    page.click("#run-steer")
    expect(page.locator("#run-state")).to_have_text("Paused")


def test_every_state_is_accessible_and_fits(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto("/runs")
    accessible(page, "empty")
    ids = some_contacts(3)
    errors = run_action("update_fields", admin, **{"replace.email": "p1@=>@@", "set.city": "Oslo"})
    holding, paused = (start_action("add_tags", admin, tags=name) for name in ("a", "b"))
    control(paused, "pause", admin)
    db.session.execute(
        update(Run).where(Run.id == holding.id).values(state="holding", error="disk full")
    )
    db.session.commit()
    going = a_going_run(admin)
    deleted = run_action("delete", admin, f"id:is:{ids[2]}", confirm="DELETE")
    paths = ["/runs?from=nonsense", "/runs?when=custom"]
    paths += [f"/runs/{run.id}" for run in (errors, holding, paused, going, deleted)]
    paths += [f"/runs/{errors.id}?tab={tab}" for tab in ("changes", "settings", "timeline")]
    paths += [f"/runs/{errors.id}?outcome=failed", f"/runs/{errors.id}/undo"]
    for path in paths:
        page.goto(path)
        if path.startswith(f"/runs/{errors.id}") and "undo" not in path:
            page.locator("#panel-undo").wait_for()
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            accessible(page, f"{path} {width}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} wide"


def test_no_outcome_to_filter_by_is_broken_up_on_a_small_screen(page: Page, admin: User) -> None:
    some_contacts(3)
    run = run_action("add_tags", admin, tags="a")
    many = update(RunChunk).values(succeeded=999_000_000, skipped=999_000_000, failed=999_000_000)
    db.session.execute(many)
    db.session.commit()
    page.goto(f"/runs/{run.id}")
    for width in (1280, 700, 320):
        page.set_viewport_size({"width": width, "height": 800})
        outcomes = page.locator(".results-filters .segment")
        expect(outcomes).to_have_count(4)
        for each in outcomes.all():
            box = each.bounding_box()
            assert box is not None
            assert box["height"] == 24
            assert box["x"] + box["width"] <= width


def test_how_each_record_fared_is_in_sight_on_a_small_screen(page: Page, admin: User) -> None:
    some_contacts(3)
    run = run_action("add_tags", admin, tags="a")
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(f"/runs/{run.id}")
    outcomes = page.locator("#run-tab tbody .chip")
    expect(outcomes).to_have_count(3)
    for outcome in outcomes.all():
        box = outcome.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 320
    page.goto(f"/runs/{run.id}?tab=changes")
    search = page.locator("#results-q").bounding_box()
    card = page.locator("#run-tab .card").bounding_box()
    assert search is not None
    assert card is not None
    assert search["width"] == card["width"]


def test_every_column_is_in_sight_on_a_small_laptop(page: Page, admin: User) -> None:
    some_contacts(20)
    run = run_action("add_tags", admin, tags="a-tag-whose-name-makes-the-name-of-its-run-long")
    db.session.execute(
        update(Run)
        .where(Run.id == run.id)
        .values(total=1_262_345, succeeded=1_250_000, skipped=12_340, failed=5)
    )
    db.session.execute(
        update(Run).values(
            finished_at=Run.started_at, started_at=text("now() - interval '38 minutes'")
        )
    )
    db.session.commit()
    page.goto("/runs")
    box = page.locator("#runs .scroll")
    assert box.evaluate("each => each.scrollWidth - each.clientWidth") == 0
    assert page.locator("#runs tbody tr").first.evaluate("each => each.offsetHeight") <= 48
