"""Downloading exported files."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from massadmin.auth.models import AuditEntry
from massadmin.exports.parts import folder
from massadmin.extensions import db
from massadmin.runs import files
from tests.factories import a_user, run_action, some_contacts, start_action
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "root", lambda: tmp_path)


def test_its_owner_downloads_it_and_the_audit_log_says_so(signed_in: SignIn) -> None:
    manager = a_user("manager")
    some_contacts(2)
    run = run_action("export", manager, columns="email", format="csv")
    answer = signed_in(manager).get(f"/exports/{run.id}/download", buffered=True)
    assert answer.status_code == 200
    assert answer.data == b'"E-mail"\np1@example.com\np2@example.com\n'
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=contacts-{run.id}.csv"
    assert answer.headers["Cache-Control"] == "no-store"
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.event, entry.user_id, entry.subject, entry.address) == (
        "export.downloaded",
        manager.id,
        f"run:{run.id}",
        "127.0.0.1",
    )
    assert entry.details == {"records": 2, "bytes": 39}


def test_a_workbook_is_called_one(signed_in: SignIn) -> None:
    admin = a_user()
    some_contacts(1)
    run = run_action("export", admin, columns="email", format="xlsx")
    answer = signed_in(admin).get(f"/exports/{run.id}/download", buffered=True)
    assert answer.content_type.endswith("spreadsheetml.sheet")
    assert answer.data.startswith(b"PK")
    assert f"contacts-{run.id}.xlsx" in answer.headers["Content-Disposition"]


def test_admins_may_have_it_and_nobody_else(signed_in: SignIn) -> None:
    owner, other = a_user("manager"), a_user("manager", "Other")
    some_contacts(1)
    run = run_action("export", owner, columns="email", format="csv")
    path = f"/exports/{run.id}/download"
    assert signed_in("admin").get(path, buffered=True).status_code == 200
    assert signed_in(other).get(path, buffered=True).status_code == 404
    assert signed_in("member").get(path, buffered=True).status_code == 404


def test_what_is_no_export_is_not_found(signed_in: SignIn) -> None:
    admin = a_user()
    some_contacts(1)
    run = run_action("add_tags", admin, tags="vip")
    browser = signed_in(admin)
    for number in (run.id, 999, 2**63 - 1, 2**63):
        assert browser.get(f"/exports/{number}/download").status_code == 404
    assert browser.get("/exports/..%2f1/download").status_code == 404


def test_before_it_is_finished_it_is_too_early_and_afterwards_it_expires(
    signed_in: SignIn,
) -> None:
    admin = a_user()
    some_contacts(1)
    browser = signed_in(admin)
    early = start_action("export", admin, columns="email", format="csv")
    assert browser.get(f"/exports/{early.id}/download").status_code == 409
    run = run_action("export", admin, columns="email", format="csv")
    assert f'href="/exports/{run.id}/download"' in browser.get(f"/runs/{run.id}").text
    (folder(run.id, run.params) / "export.csv").unlink()
    page = browser.get(f"/runs/{run.id}").text
    assert "File expired" in page
    assert "/download" not in page
    gone = browser.get(f"/exports/{run.id}/download")
    assert gone.status_code == 410
    assert "Expired" in gone.text
    assert "kept for 30 days" in gone.text
