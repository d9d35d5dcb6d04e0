"""The failures as a file."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from tests.factories import run_action, some_contacts
from tests.web.conftest import SignIn
from tests.web.runs.test_index import user_of

pytestmark = pytest.mark.usefixtures("db_session")


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def test_it_holds_the_failed_with_their_reasons(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("massadmin.runs.results.STEP", 3)
    browser = signed_in()
    ids = some_contacts(8)
    db.session.execute(
        text("UPDATE contacts SET email = NULL, first_name = :bad WHERE id = :id"),
        {"id": ids[0], "bad": "=1+1"},
    )
    db.session.execute(
        text("UPDATE contacts SET first_name = :bad WHERE id = :id"),
        {"id": ids[1], "bad": '=cmd|"x"!A1'},
    )
    db.session.commit()
    run = run_action("update_fields", user_of(browser), **{"replace.email": "@=>@@"})
    answer = browser.get(f"/runs/{run.id}/failures.csv", buffered=True)
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    found = rows(answer.data)
    assert [row["ID"] for row in found] == [str(each) for each in ids[1:]]
    assert {row["Reason"] for row in found} == {"E-mail would not be an e-mail address"}
    assert found[0]["First name"] == '\'=cmd|"x"!A1'  # no formula
    assert found[1]["E-mail"] == "p3@example.com"


def test_with_filters_it_holds_what_the_page_shows(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(3)
    run_action("add_tags", user_of(browser), f"id:is:{ids[0]}", tags="a")
    run = run_action("add_tags", user_of(browser), tags="a")
    found = rows(browser.get(f"/runs/{run.id}/failures.csv?outcome=skipped", buffered=True).data)
    assert [row["ID"] for row in found] == [str(ids[0])]
    assert rows(browser.get(f"/runs/{run.id}/failures.csv", buffered=True).data) == []
