"""The import wizard: upload, map, check, start."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import ImportFile, uploads
from massadmin.imports.models import ImportRow
from massadmin.records.contacts import Contact
from massadmin.records.modules import CustomField
from massadmin.runs.execute import drain
from massadmin.runs.models import Run
from tests.factories import a_user, contact, finished, fresh, some_contacts
from tests.imports.files import cells_of, run_import
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")
HTMX = {"HX-Request": "true"}
LINES = b"Email;First name;Plan\np1@example.com;Ada;gold\nnew@x.com;Bob;silver\nbad;Cy;\n"


def post_file(browser: FlaskClient, content: bytes, name: str = "people.csv", **more: Any) -> Any:
    data = {"module": "contacts", "file": (io.BytesIO(content), name)}
    answer = browser.post("/imports", data=data, content_type="multipart/form-data", **more)
    # A large body was written to a temporary file, which the client leaves open.
    answer.request.environ["wsgi.input"].close()
    return answer


def uploaded(browser: FlaskClient, content: bytes = LINES) -> int:
    """The id of the file that was just uploaded."""
    answer = post_file(browser, content)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/imports/(\d+)/map", answer.location)
    assert found
    return int(found[1])


def the_file(file_id: int) -> ImportFile:
    db.session.rollback()
    return db.session.get_one(ImportFile, file_id, populate_existing=True)


def test_the_whole_way(signed_in: SignIn) -> None:
    (known,) = some_contacts(1)
    browser = signed_in()
    assert "Nothing imported yet" in browser.get("/imports").text
    file_id = uploaded(browser)
    page = browser.get(f"/imports/{file_id}/map").text
    assert "3 rows" in page
    assert "columns divided by semicolon, with a header" in page
    assert re.search(r'<option value="email" selected>E-mail', page)
    answer = browser.post(
        f"/imports/{file_id}/map",
        data={"column-0": "email", "column-1": "first_name", "column-2": "new field"},
    )
    assert (answer.status_code, answer.location) == (303, f"/imports/{file_id}/check")
    assert db.session.scalar(select(CustomField.key)) == "plan"
    page = browser.get(f"/imports/{file_id}/check").text
    assert "1 would be created, 1 updated, 0 skipped, 1 failed" in page
    assert "E-mail is not a valid address" in page
    assert "can be downloaded" in page
    assert db.session.scalar(select(func.count()).select_from(Contact)) == 1
    answer = browser.post(
        f"/imports/{file_id}/start",
        data={"match": "email", "on_match": "update", "unmatched": "create", "empty": "keep",
              "tags": "fair"},
    )  # fmt: skip
    run_id = the_file(file_id).run_id
    assert (answer.status_code, answer.location) == (303, f"/runs/{run_id}")
    drain(run_id)
    assert contact(known).first_name == "Ada"
    assert contact(known).custom == {"plan": "gold"}
    page = browser.get("/imports").text
    assert "Rows to correct" in page
    records = cells_of([browser.get(f"/runs/{run_id}/import-errors.csv", buffered=True).data])
    assert records[1] == ["bad", "Cy", "", "4", "E-mail is not a valid address"]
    for tab in ("results", "changes", "settings", "timeline"):
        assert browser.get(f"/runs/{run_id}?tab={tab}").status_code == 200
    # Undoing it does more than putting back what was.
    for page in (f"/runs/{run_id}/undo-panel", f"/runs/{run_id}/undo"):
        assert "Records that it created go to the trash." in browser.get(page).text


def test_an_imported_file_leads_to_its_run(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    first = browser.post(f"/imports/{file_id}/start", data={"match": "email"})
    again = browser.post(f"/imports/{file_id}/start", data={"match": "none"})
    assert first.location == again.location
    for step in ("map", "check"):
        assert browser.get(f"/imports/{file_id}/{step}").location == first.location
    assert db.session.scalar(select(func.count()).select_from(Run)) == 1


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "empty.csv", "no bytes"),
        (b"%PDF-1.4 something", "list.csv", "PDF"),
        (b"PK\x03\x04 broken", "list.xlsx", "damaged"),
        (b"Email,City\n", "header.csv", "no rows"),
        (b"\xfe\xff" + "a,b\nc,d\n".encode("utf-32-be"), "wrong.csv", "UTF-32"),
        (b"a," * 10_001 + b"a\n" + b"b," * 10_001 + b"b\n", "wide.csv", "10,000 allowed"),
    ],
)
def test_what_cannot_be_read_is_explained_and_leaves_nothing(
    signed_in: SignIn, content: bytes, name: str, words: str
) -> None:
    browser = signed_in()
    answer = post_file(browser, content, name)
    assert answer.status_code == 422
    assert words in answer.text
    assert "<html" in answer.text
    fragment = post_file(browser, content, name, headers=HTMX)
    assert fragment.status_code == 422
    assert fragment.text.lstrip().startswith("<form")
    for model in (ImportFile, ImportRow):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0
    folder = uploads._folder()
    assert not folder.exists() or list(folder.iterdir()) == []


def test_no_file_and_a_file_that_is_too_large(signed_in: SignIn, app: Flask) -> None:
    browser = signed_in()
    answer = browser.post("/imports", data={"module": "contacts"})
    assert answer.status_code == 422
    assert "Choose a file" in answer.text
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], max_upload_mb=1)
    large = b"email\n" + b"ada@example.com\n" * 80_000
    answer = post_file(browser, large)
    assert answer.status_code == 422
    assert "more than the 1,048,576 allowed. Split it." in answer.text
    answer = post_file(browser, large * 3)
    assert answer.status_code == 413
    assert "Split a large file" in answer.text


def test_it_can_be_read_in_another_way(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser, b"Jos\xe9;Oslo\nZo\xeb;Rome\n")
    answer = browser.post(
        f"/imports/{file_id}/read",
        data={"encoding": "cp1252", "delimiter": ";", "has_header": "no", "preamble": "0"},
    )
    assert answer.location == f"/imports/{file_id}/map"
    file = the_file(file_id)
    assert (file.rows, file.columns) == (2, ("Column 1", "Column 2"))
    assert "José" in browser.get(f"/imports/{file_id}/map").text
    answer = browser.post(f"/imports/{file_id}/read", data={"encoding": "klingon"})
    assert answer.status_code == 422
    assert "klingon" in answer.text
    assert the_file(file_id).rows == 2
    answer = browser.post(f"/imports/{file_id}/read", data={"encoding": "utf-16"})
    # What is advised can be chosen, and what was chosen stays so.
    assert "Choose utf-16-le or utf-16-be" in answer.text
    assert '<option value="utf-16-le">' in answer.text
    assert '<option value="utf-16" selected>' in answer.text
    uploads.discard(file.upload)
    answer = browser.post(f"/imports/{file_id}/read", data={"encoding": "utf-8"})
    assert "Upload it again" in answer.text


def test_nothing_below_the_lines_left_out(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    answer = browser.post(f"/imports/{file_id}/read", data={"preamble": "50"})
    assert answer.status_code == 422
    assert "no rows below the first 50 lines" in answer.text
    assert 'value="50"' in answer.text


def test_mapping_nothing_or_something_unknown_is_refused(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    for chosen, words in (("", "at least one column"), ("shoe_size", "shoe_size")):
        data = {f"column-{index}": chosen for index in range(3)}
        answer = browser.post(f"/imports/{file_id}/map", data=data)
        assert answer.status_code == 422
        assert words in answer.text


def test_two_columns_for_one_field_are_told_where_they_are_chosen(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser, b"Email;E-mail 2;First name\na@x.com;b@x.com;Ada\n")
    form = {"column-0": "email", "column-1": "email", "column-2": "first_name"}
    told = "Several columns go to E-mail: the first that is filled counts."
    assert told in browser.post(f"/imports/{file_id}/doubled", data=form, headers=HTMX).text
    once = browser.post(f"/imports/{file_id}/doubled", data=form | {"column-1": ""}, headers=HTMX)
    assert "Several columns" not in once.text
    assert browser.post(f"/imports/{file_id}/map", data=form).status_code == 303
    assert told in browser.get(f"/imports/{file_id}/map").text
    assert told in browser.get(f"/imports/{file_id}/check").text


def test_only_admins_make_fields(signed_in: SignIn) -> None:
    browser = signed_in("manager")
    file_id = uploaded(browser)
    assert "New text field" not in browser.get(f"/imports/{file_id}/map").text
    answer = browser.post(f"/imports/{file_id}/map", data={"column-2": "new field"})
    assert answer.status_code == 422
    assert "Only admins" in answer.text
    assert db.session.scalar(select(func.count()).select_from(CustomField)) == 0


def test_a_taken_field_name_is_told_at_its_column(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser, b"Email,City,Town,City\na@x.com,Oslo,Rome,Bonn\n")
    answer = browser.post(f"/imports/{file_id}/map", data={"column-3": "new field"})
    assert answer.status_code == 422
    assert 'id="column-3-error"' in answer.text


def test_going_back_keeps_the_policy(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    chosen = {"match": "none", "on_match": "skip", "unmatched": "create", "empty": "clear",
              "country": "NO", "tags": "fair, 2026", "trim": "y"}  # fmt: skip
    answer = browser.post(f"/imports/{file_id}/check", data=chosen)
    assert answer.location == f"/imports/{file_id}/check"
    page = browser.get(f"/imports/{file_id}/check").text
    for field, value in (("match", "none"), ("on_match", "skip"), ("empty", "clear")):
        ticked = re.findall(rf'<input[^>]* checked[^>]*name="{field}"[^>]*>', page)
        ticked += re.findall(rf'<input[^>]*name="{field}"[^>]* checked[^>]*>', page)
        assert len(ticked) == 1, field
        assert f'value="{value}"' in ticked[0]
    assert '<option selected value="NO">' in page
    assert 'value="fair, 2026"' in page
    # Nothing to match by: the bad address is left out, and the row is imported.
    assert "3 would be created" in page
    assert "Left out: E-mail is not a valid address" in page
    assert the_file(file_id).policy["match"] is None


def test_no_file_is_promised_where_rows_are_just_skipped(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser, b"Email;City\na@x.com;Oslo\na@x.com;Rome\n")
    page = browser.get(f"/imports/{file_id}/check").text
    assert "Same e-mail as line 2" in page
    assert "can be downloaded" not in page


def test_htmx_gets_the_preview_alone_and_mistakes_with_422(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    answer = browser.post(f"/imports/{file_id}/check", data={"match": "email"}, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "2 would be created" in answer.text
    wrong = {"match": "email", "tags": "x" * 80}
    answer = browser.post(f"/imports/{file_id}/check", data=wrong, headers=HTMX)
    assert answer.status_code == 422
    assert 'href="#tags"' in answer.text
    answer = browser.post(f"/imports/{file_id}/start", data=wrong)
    assert answer.status_code == 422
    assert the_file(file_id).run_id is None


def test_a_file_can_be_discarded(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    name = the_file(file_id).upload
    assert uploads.path_of(name)
    assert browser.post(f"/imports/{file_id}/discard").location == "/imports"
    assert browser.get(f"/imports/{file_id}/map").status_code == 404
    assert uploads.path_of(name) is None
    # Its rows, which can be many, are not waited for.
    assert imports.drop_old_files() == 0
    assert db.session.scalar(select(func.count()).select_from(ImportRow)) == 0


def test_an_imported_file_is_not_discarded(signed_in: SignIn) -> None:
    browser = signed_in()
    file_id = uploaded(browser)
    browser.post(f"/imports/{file_id}/start", data={"match": "email"})
    browser.post(f"/imports/{file_id}/discard")
    assert the_file(file_id).rows == 3


def test_a_file_is_its_owners_alone(signed_in: SignIn) -> None:
    file_id = uploaded(signed_in())
    other = signed_in("manager")
    for step in ("map", "check"):
        assert other.get(f"/imports/{file_id}/{step}").status_code == 404
    for step in ("map", "read", "check", "start", "discard"):
        assert other.post(f"/imports/{file_id}/{step}").status_code == 404
    assert "people.csv" not in other.get("/imports").text


def test_who_may_not_import_gets_403(signed_in: SignIn) -> None:
    browser = signed_in("support_lead")
    assert browser.get("/imports").status_code == 403
    assert post_file(browser, LINES).status_code == 403
    assert "Imports" not in browser.get("/contacts").text


def test_the_errors_of_a_run_are_for_those_who_see_it(signed_in: SignIn) -> None:
    admin = a_user("admin", "Ann Admin", email="ann@x.com")
    run = run_import(admin, "Email,Notes", "bad,=1+1")
    url = f"/runs/{run.id}/import-errors.csv"
    answer = signed_in("manager").get(url, buffered=True)
    assert cells_of([answer.data])[1][:2] == ["bad", "'=1+1"]
    assert "attachment" in answer.headers["Content-Disposition"]
    assert signed_in("member").get(url).status_code == 404


def test_rows_to_correct_are_offered_where_there_are_some(signed_in: SignIn) -> None:
    browser = signed_in("manager")
    admin = a_user("admin", "Ann Admin", email="ann@x.com")
    fine = run_import(admin, "Email,Phone", "a@x.com,")
    noted = run_import(admin, "Email,Phone", "b@x.com,mobile")
    for page in (f"/runs/{noted.id}", "/runs"):
        text = browser.get(page).text
        assert f"/runs/{noted.id}/import-errors.csv" in text
        assert f"/runs/{fine.id}/import-errors.csv" not in text
    assert "Rows to correct" not in browser.get(f"/runs/{fine.id}").text


def test_another_run_has_no_import_errors(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(1)
    from tests.factories import run_action

    admin = a_user("admin", "Ann Admin", email="ann@x.com")
    run = run_action("add_tags", admin, tags="vip")
    assert browser.get(f"/runs/{run.id}/import-errors.csv").status_code == 404


def test_a_workbook_with_two_sheets(signed_in: SignIn, tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "two.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name, email in (("First", "a@x.com"), ("Second", "b@x.com")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["Email", "City"])
            sheet.write_row(1, 0, [email, "Oslo"])
    browser = signed_in()
    answer = post_file(browser, path.read_bytes(), "two.xlsx")
    file_id = int(answer.location.split("/")[2])
    assert "sheet “First”" in browser.get(f"/imports/{file_id}/map").text
    browser.post(f"/imports/{file_id}/read", data={"sheet": "Second", "has_header": "yes"})
    page = browser.get(f"/imports/{file_id}/map").text
    assert "b@x.com" in page
    assert "a@x.com" not in page


def test_a_very_wide_file_shows_what_can_be_read(signed_in: SignIn) -> None:
    names = [f"c{number}" for number in range(600)] + ["Email"]
    content = f"{','.join(names)}\n{','.join(['x'] * 600)},a@x.com\n".encode()
    browser = signed_in()
    file_id = uploaded(browser, content)
    page = browser.get(f"/imports/{file_id}/map").text
    assert page.count('name="column-') == 201
    assert "400 more columns" in page
    assert browser.post(f"/imports/{file_id}/map", data={}).status_code == 303
    assert the_file(file_id).mapping[600] == "email"


def test_what_files_say_is_escaped(signed_in: SignIn) -> None:
    browser = signed_in()
    answer = post_file(
        browser, b"Email,<script>alert(1)</script>\na@x.com,<img src=x>\n", "<b>x</b>.csv"
    )
    file_id = int(answer.location.split("/")[2])
    for path in (f"/imports/{file_id}/map", f"/imports/{file_id}/check", "/imports"):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<b>x</b>" not in page


def test_a_run_that_was_cancelled_is_listed_without_counts(signed_in: SignIn) -> None:
    from massadmin.runs.settle import settle
    from massadmin.runs.states import move

    browser = signed_in()
    file_id = uploaded(browser)
    browser.post(f"/imports/{file_id}/start", data={"match": "email"})
    run_id = the_file(file_id).run_id
    assert run_id
    move(run_id, "cancel")
    db.session.commit()
    settle(run_id)
    assert "Cancelled" in browser.get("/imports").text
    run = db.session.get_one(Run, run_id)
    assert fresh(run).state == "cancelled"
    assert finished(run).state == "cancelled"
