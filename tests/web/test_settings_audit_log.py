"""The audit log as a page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from massadmin.auth import audit
from massadmin.web.settings import audit_log
from tests.factories import a_user
from tests.web.conftest import SignIn


@pytest.fixture
def manager(signed_in: SignIn, db_session: Any) -> FlaskClient:
    return signed_in("manager")


def rows(page: str) -> list[str]:
    """The event of each row."""
    return re.findall(r'<td class="strong">([^<]*)</td>', page)


def test_entries_are_read_newest_first_and_escaped(manager: FlaskClient, db_session: Any) -> None:
    ada = a_user("admin", "Ada <i>Lovelace</i>")
    audit.record("sign_in", user=ada, address="192.0.2.7")
    audit.record("run.started", user=ada, subject="run:7", details={"before": ["a"], "after": 1})
    audit.record(
        "role_changed", user=ada, subject="<b>x</b>", details={"before": "member", "after": "admin"}
    )
    started = {"action": "add_tags", "module": "contacts", "records": 12431}
    audit.record("run.started", user=ada, subject="run:8", details=started)
    db_session.commit()
    page = manager.get("/settings/audit").text
    begun = audit.label("run.started")
    assert rows(page) == [begun, "Changed a role", begun, "Signed in"]
    assert "Add tags; contacts; records: 12,431" in page
    assert "Member → Admin" in page
    assert '<a href="/runs/7">Bulk action 7</a>' in page
    assert "<b>x</b>" not in page
    assert "192.0.2.7" in page


def test_filters_are_in_the_address(manager: FlaskClient, db_session: Any) -> None:
    ada, grace = a_user("admin", "Ada"), a_user("admin", "Grace")
    audit.record("sign_in", user=ada)
    audit.record("sign_out", user=grace)
    db_session.commit()
    assert rows(manager.get("/settings/audit?event=sign_in").text) == ["Signed in"]
    assert rows(manager.get(f"/settings/audit?user={grace.id}").text) == ["Signed out"]
    assert rows(manager.get("/settings/audit?q=grace").text) == ["Signed out"]
    assert rows(manager.get("/settings/audit?since=2000-01-01&until=2999-12-31").text) != []
    assert rows(manager.get("/settings/audit?since=2999-01-01").text) == []
    nonsense = "/settings/audit?since=soon&until=9999-12-31&user=me&before=x&event="
    assert len(rows(manager.get(nonsense).text)) == 2
    nothing = manager.get("/settings/audit?q=nobody").text
    assert "No entry matches these filters." in nothing
    assert "Clear the filters" in nothing


def test_pages_are_linked_and_keep_the_filters(
    manager: FlaskClient, db_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "PER_PAGE", 2)
    for number in range(5):
        audit.record(f"thing_{number}", user=None, subject="wanted")
        audit.record("other", user=None)
    db_session.commit()
    seen: list[str] = []
    url: str | None = "/settings/audit?q=wanted"
    while url:
        page = manager.get(url).text
        seen += rows(page)
        older = re.search(r'id="audit-older" href="([^"]+)"', page)
        url = older[1].replace("&amp;", "&") if older else None
    assert seen == [f"Thing {number}" for number in (4, 3, 2, 1, 0)]
    assert 'id="audit-newest"' in page


def test_htmx_gets_the_table_only(manager: FlaskClient, templates: list[str]) -> None:
    answer = manager.get("/settings/audit", headers={"HX-Request": "true"})
    assert templates == ["settings/_audit.html"]
    assert answer.text.lstrip().startswith('<div class="card card-table" id="audit">')


def test_going_back_in_the_history_gets_the_whole_page(manager: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<!doctype html>" in manager.get("/settings/audit", headers=headers).text


def test_details_are_said_in_words(manager: FlaskClient, db_session: Any) -> None:
    audit.record(
        "record_edited",
        user=a_user("admin"),
        subject="contacts:7",
        details={"fields": ["city", "state"], "total_rows": 2},
    )
    db_session.commit()
    page = manager.get("/settings/audit").text
    assert '<td class="wrap">fields: city, state; total rows: 2</td>' in page
