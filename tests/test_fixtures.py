"""The fixtures that every other test stands on."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import redis
from flask import Flask, g
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from sqlalchemy import text
from sqlalchemy.orm import scoped_session

from massadmin.config import Settings

FILL = "INSERT INTO audit_log (event, who) VALUES ('sign_in', 'fixture') RETURNING id"


@pytest.mark.parametrize("attempt", [1, 2])
def test_each_test_finds_an_empty_database(
    db_session: scoped_session[Session], settings: Settings, attempt: int
) -> None:
    with redis.Redis.from_url(settings.redis_url) as queue:
        assert queue.dbsize() == 0
        queue.set("filled", attempt)
    assert db_session.execute(text("SELECT count(*) FROM audit_log")).scalar_one() == 0
    assert db_session.execute(text(FILL)).scalar_one() == 1
    db_session.commit()


@pytest.mark.parametrize("attempt", [1, 2])
def test_numbers_begin_anew_where_what_took_them_was_rolled_back(
    db_session: scoped_session[Session], attempt: int
) -> None:
    assert db_session.execute(text(FILL)).scalar_one() == 1
    db_session.rollback()


def test_the_application_works_on_a_migrated_database(database_url: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        assert connection.execute("SHOW fsync").fetchone() == ("off",)


def test_requests_share_nothing_with_the_test_or_each_other(
    app: Flask, client: FlaskClient, db_session: scoped_session[Session]
) -> None:
    seen: list[object] = []

    def look() -> None:
        seen.append(g.get("mark"))
        g.mark = "set"

    app.before_request_funcs.setdefault(None, []).append(look)
    try:
        client.get("/healthz")
        client.get("/healthz")
    finally:
        app.before_request_funcs[None].remove(look)
    assert seen == [None, None]


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_configuration_that_a_test_changed_does_not_last(app: Flask, attempt: int) -> None:
    assert "CHANGED_BY_A_TEST" not in app.config
    app.config["CHANGED_BY_A_TEST"] = attempt


def test_real_input_is_found_or_skipped(shared_data: Path) -> None:
    assert list(shared_data.iterdir())
