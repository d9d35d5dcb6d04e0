"""The import wizard in a browser: by mouse, by keyboard, by dropping a file; readable for all."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from massadmin.auth import User
from massadmin.extensions import db
from massadmin.runs import alive
from tests.browser.conftest import OpenPage, accessible
from tests.browser.states import file_left, staged_file, unstartable_file
from tests.factories import some_contacts

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("db_session")]

CONTENT = (
    "E-mail 1 - Value,Given Name,Plan\n"
    "p1@example.com,Ada,gold\n"
    "new@x.com,Bob,silver\n"
    "NEW@x.com,Bob again,silver\n"
    "bad,Cy,\n"
)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(CONTENT)
    return path


def upload(page: Page, path: Path) -> None:
    page.goto("/imports")
    page.get_by_label("Choose a CSV, TSV or Excel file").set_input_files(path)
    page.get_by_role("button", name="Upload and continue").click()
    page.wait_for_url("**/map")


def test_from_upload_to_run(page: Page, people: Path) -> None:
    some_contacts(1)
    upload(page, people)
    expect(page.get_by_label("E-mail 1 - Value")).to_have_value("email")
    plan = page.get_by_label("Plan", exact=True)
    plan.select_option("email")
    expect(page.locator("#doubled")).to_contain_text("Several columns go to E-mail")
    plan.select_option("new field")
    expect(page.locator("#doubled")).to_be_empty()
    page.get_by_role("button", name="Continue to the check").first.click()
    page.wait_for_url("**/check")
    trial = page.locator("#trial")
    expect(trial.locator(".forecast dd")).to_have_text(["1", "1", "1", "1"])
    expect(trial).to_contain_text("Same e-mail as line 3")
    # The preview follows the policy by itself; the focus stays where it was.
    page.get_by_label("Leave the record as it is").check()
    expect(trial.locator(".forecast dd")).to_have_text(["1", "0", "2", "1"])
    expect(page.get_by_label("Leave the record as it is")).to_be_focused()
    expect(page.locator("#announce")).to_contain_text("1 would be created, 0 updated")
    # Going back and coming again keeps it.
    page.get_by_role("link", name="Map columns").click()
    page.get_by_role("button", name="Continue to the check").first.click()
    expect(page.get_by_label("Leave the record as it is")).to_be_checked()
    page.get_by_role("button", name="Start import").click()
    page.wait_for_url("**/runs/*")
    expect(page.locator("main")).to_contain_text("Completed", timeout=20_000)
    # The page tells what became of the run; no notice says beside it that it was queued.
    expect(page.locator(".toast")).to_have_count(0)
    page.goto("/imports")
    with page.expect_download() as download:
        page.get_by_role("link", name="Rows to correct of people.csv").click()
    assert "bad,Cy,,5,E-mail is not a valid address" in download.value.path().read_text("utf-8-sig")


def test_by_keyboard_alone(page: Page, people: Path) -> None:
    page.goto("/imports")
    chosen = page.get_by_label("Choose a CSV, TSV or Excel file")
    chosen.set_input_files(people)
    chosen.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Upload and continue")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/map")
    page.get_by_role("button", name="Continue to the check").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/check")
    # Enter in the policy tries it out; only the button starts.
    page.get_by_label("Tags").fill("fair")
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    assert page.url.endswith("/check")
    expect(page.get_by_label("Tags")).to_have_value("fair")
    page.get_by_role("button", name="Start import").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")


def test_a_dropped_file_is_taken(page: Page) -> None:
    page.goto("/imports")
    page.evaluate(
        """content => {
            const data = new DataTransfer();
            data.items.add(new File([content], "dropped.csv", { type: "text/csv" }));
            const options = { dataTransfer: data, bubbles: true, cancelable: true };
            const icon = document.querySelector("#dropzone .icon");
            icon.dispatchEvent(new DragEvent("drop", options));
        }""",
        CONTENT,
    )
    page.get_by_role("button", name="Upload and continue").click()
    page.wait_for_url("**/map")
    expect(page.locator("main")).to_contain_text("dropped.csv")


def test_what_cannot_be_read_is_said_where_one_is(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    page.goto("/imports")
    page.get_by_label("Choose a CSV, TSV or Excel file").set_input_files(path)
    page.get_by_role("button", name="Upload and continue").click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator(".error-summary")).to_contain_text("no bytes")
    expect(page.locator("#uploading")).to_be_hidden()


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Page, people: Path) -> None:
    page.goto("/imports")
    page.locator("#upload").evaluate("form => { form.dataset.maxBytes = 10; }")
    page.get_by_label("Choose a CSV, TSV or Excel file").set_input_files(people)
    expect(page.locator("#file-wrong")).to_contain_text("more than")
    page.get_by_role("button", name="Upload and continue").click()
    expect(page.get_by_label("Choose a CSV, TSV or Excel file")).to_be_focused()
    assert page.url.endswith("/imports")


def test_without_javascript_it_works_too(open_page: OpenPage, admin: User, people: Path) -> None:
    page = open_page(admin, java_script_enabled=False)
    upload(page, people)
    page.get_by_role("button", name="Continue to the check").first.click()
    page.get_by_label("Nothing", exact=True).check()
    page.get_by_role("button", name="Update the preview").click()
    expect(page.get_by_label("Nothing", exact=True)).to_be_checked()
    page.get_by_role("button", name="Start import").click()
    page.wait_for_url("**/runs/*")


def test_every_step_is_accessible(open_page: OpenPage, admin: User, people: Path) -> None:
    some_contacts(1)
    page = open_page(admin)
    upload(page, people)
    steps = ["/imports", page.url, page.url.replace("/map", "/check")]
    for step in steps:
        page.goto(step)
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            accessible(page, step)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_the_clock_does_for_a_large_file_is_accessible(
    open_page: OpenPage, admin: User
) -> None:
    large = "Everybody who ever wrote to us " * 3 + ".xlsx"
    files = {
        "reading": file_left(admin, large, share_done=45),
        "starting": staged_file(admin, large, errand="start", share_done=45),
    }
    broken = (
        file_left(admin, "cut off.xlsx", problem="The file breaks off."),
        unstartable_file(admin),
    )
    db.session.add_all([*files.values(), *broken])
    db.session.commit()
    paths = [f"/imports/{file.id}/{step}" for step, file in files.items()]
    paths += [f"/imports/{broken[0].id}/reading", f"/imports/{broken[1].id}/check"]
    alive.beat("clock")
    page = open_page(admin)
    for path in ("/imports", *paths):
        page.goto(path)
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            accessible(page, path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
