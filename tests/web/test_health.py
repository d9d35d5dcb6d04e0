"""Health: what machines that watch are told, and who may read the figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from sqlalchemy import text
from sqlalchemy.orm import scoped_session

from massadmin import create_app
from massadmin.config import Settings
from massadmin.extensions import db
from tests.factories import a_user, some_contacts, start_action

NOWHERE = "postgresql+psycopg://massadmin@127.0.0.1:1/nothing"


@pytest.fixture
def browser_of(settings: Settings, clean: None) -> Iterator[Callable[..., FlaskClient]]:
    """Browsers at applications with other settings."""
    made: list[Flask] = []

    def browse(**changes: Any) -> FlaskClient:
        app = create_app(dataclasses.replace(settings, **changes))
        made.append(app)
        return app.test_client()

    yield browse
    for app in made:
        with app.app_context():
            db.engine.dispose()
        app.extensions["massadmin_redis"].close()


def test_the_process_answers_whatever_it_stands_on(
    browser_of: Callable[..., FlaskClient],
) -> None:
    answer = browser_of(database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0").get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_ready_when_everything_answers(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"ready": True, "faults": {}})


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"database_url": NOWHERE}, {"database"}),
        ({"redis_url": "redis://127.0.0.1:1/0"}, {"queue"}),
        ({"database_url": NOWHERE, "redis_url": "redis://127.0.0.1:1/0"}, {"database", "queue"}),
    ],
)
def test_not_ready_says_what_is_missing_and_no_address(
    browser_of: Callable[..., FlaskClient], changes: dict[str, str], faults: set[str]
) -> None:
    answer = browser_of(**changes).get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert not answer.json["ready"]
    assert set(answer.json["faults"]) == faults
    assert "127.0.0.1" not in answer.text


def test_not_ready_while_migrations_are_pending(
    client: FlaskClient, db_session: scoped_session[Session]
) -> None:
    at = db_session.scalar(text("SELECT version_num FROM alembic_version"))
    try:
        _set_revision(db_session, "0001")
        answer = client.get("/readyz")
    finally:
        _set_revision(db_session, at)
    assert answer.status_code == 503
    assert "migration" in answer.text
    assert client.get("/readyz").status_code == 200


def _set_revision(session: scoped_session[Session], at: str | None) -> None:
    session.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": at})
    session.commit()


def test_figures_tell_what_waits_and_what_was_asked(
    client: FlaskClient, db_session: scoped_session[Session]
) -> None:
    admin = a_user()
    some_contacts(250)
    start_action("add_tags", admin, tags="counted")
    client.get("/healthz")
    client.get("/nothing/here?q=secret")
    said = client.get("/metrics").text
    assert 'massadmin_runs{state="queued"} 1.0' in said
    assert "massadmin_due_chunks 3.0" in said
    assert 'massadmin_processes{kind="worker"} 0.0' in said
    assert 'massadmin_part_up{part="database"} 1.0' in said
    assert 'massadmin_part_up{part="queue"} 1.0' in said
    assert "massadmin_queue_tickets 1.0" in said  # no worker lives that could hear more
    assert 'endpoint="health.process",method="GET",status="200"' in said
    assert 'endpoint="none",method="any",status="404"' in said
    assert 'massadmin_http_seconds_bucket{endpoint="health.process"' in said
    assert "secret" not in said


def test_figures_of_a_broken_installation_say_so(
    browser_of: Callable[..., FlaskClient],
) -> None:
    said = browser_of(database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0").get("/metrics").text
    assert 'massadmin_part_up{part="database"} 0.0' in said
    assert 'massadmin_part_up{part="queue"} 0.0' in said


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.9", {}, 403),
        # A proxy on the same machine passes on what others ask.
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.9"}, 403),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.9"}, 403),
        ("10.0.0.9", {"Authorization": "Bearer right-token"}, 200),
        ("10.0.0.9", {"Authorization": "Bearer wrong-token"}, 403),
        ("10.0.0.9", {"Authorization": "Bearer ri\u00e9n"}, 403),
    ],
)
def test_figures_are_for_this_machine_or_the_token(
    browser_of: Callable[..., FlaskClient], address: str, headers: dict[str, str], status: int
) -> None:
    browser = browser_of(metrics_token="right-token")
    answer = browser.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_without_a_token_no_header_opens_the_figures(client: FlaskClient) -> None:
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
    for value in ("Bearer ", "Bearer", ""):
        answer = client.get("/metrics", headers={"Authorization": value}, environ_base=elsewhere)
        assert answer.status_code == 403


def test_asking_leaves_no_transaction_open(app: Flask, client: FlaskClient) -> None:
    for page in ("/readyz", "/metrics"):
        client.get(page)
    with app.app_context():
        left = db.session.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            )
        )
        db.session.remove()
    assert left == 0
