"""The audit log is written with the deed, read newest first, and never changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from massadmin.auth import audit
from massadmin.auth.models import AUDIT_APPEND_ONLY
from massadmin.extensions import db
from tests.factories import a_user

pytestmark = pytest.mark.usefixtures("db_session")


def events(**wanted: Any) -> list[str]:
    return [each.event for each in audit.entries(**wanted)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET who = 'somebody else'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE false",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (id, who, event) OVERRIDING SYSTEM VALUE "
        "SELECT id, who, event FROM audit_log ON CONFLICT (id) DO UPDATE SET who = 'nobody'",
    ],
)
def test_the_database_refuses_every_change(db_session: Any, statement: str) -> None:
    audit.record("sign_in", user=a_user())
    db_session.commit()
    with pytest.raises(DBAPIError, match="append-only"):
        db_session.execute(text(statement))
    db_session.rollback()
    assert events() == ["sign_in"]


def test_the_migration_and_the_model_have_the_same_trigger(db_session: Any) -> None:
    made = db_session.scalar(
        text("SELECT prosrc FROM pg_proc WHERE proname = 'audit_log_refuse_change'")
    )
    assert " ".join(made.split()) in " ".join(AUDIT_APPEND_ONLY[0].split())
    assert db_session.scalar(
        text("SELECT count(*) FROM pg_trigger WHERE tgname = 'audit_log_append_only'")
    )


def test_an_entry_is_kept_only_if_the_deed_is(db_session: Any) -> None:
    audit.record("sign_in", user=None)
    db_session.rollback()
    assert events() == []


def test_an_entry_names_who_did_it_even_without_an_account() -> None:
    user = a_user("manager", "Ada Lovelace")
    audit.record("run_started", user=user, subject="Add tags", details={"total": 7})
    audit.record("sign_in_failed", user=None, who="x@example.com", address="192.0.2.7")
    audit.record("purged", user=None)
    purged, failed, started = audit.entries()
    assert (started.user_id, started.who) == (user.id, "Ada Lovelace <ada.lovelace@example.com>")
    assert started.details == {"total": 7}
    assert (failed.user_id, failed.who, failed.address) == (None, "x@example.com", "192.0.2.7")
    assert purged.who == "system"


def test_filters_narrow_by_event_person_text_and_time() -> None:
    ada, grace = a_user("admin", "Ada"), a_user("manager", "Grace")
    audit.record("sign_in", user=ada, subject="ada", address="192.0.2.7")
    audit.record("exported", user=grace, subject="100% of contacts")
    now = datetime.now(UTC)
    assert events() == ["exported", "sign_in"]
    assert events(events=["sign_in"]) == ["sign_in"]
    assert events(user_id=grace.id) == ["exported"]
    assert events(text="192.0") == ["sign_in"]
    assert events(text="100%") == ["exported"]
    assert events(text="%") == ["exported"]
    assert events(text="GRACE") == ["exported"]
    assert events(since=now + timedelta(hours=1)) == []
    assert events(until=now - timedelta(hours=1)) == []
    assert len(events(since=now - timedelta(hours=1), until=now + timedelta(hours=1))) == 2


def test_pages_follow_each_other_without_gap_or_overlap() -> None:
    for number in range(7):
        audit.record(f"event_{number}", user=None)
    db.session.flush()
    first = audit.entries(limit=3)
    second = audit.entries(limit=3, before_id=first[-1].id)
    third = audit.entries(limit=3, before_id=second[-1].id)
    assert [each.event for each in (*first, *second, *third)] == [
        f"event_{number}" for number in reversed(range(7))
    ]


def test_events_have_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EVENTS", dict(audit.EVENTS))
    audit.name_events({"run_started": "Started a bulk action"})
    assert audit.label("run_started") == "Started a bulk action"
    assert audit.label("something.else_happened") == "Something else happened"
