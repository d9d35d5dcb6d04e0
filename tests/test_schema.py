"""Which migrations there are, and whether a database fits this program."""

from __future__ import annotations

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask_sqlalchemy.session import Session
from sqlalchemy import text
from sqlalchemy.orm import scoped_session

from massadmin import schema
from massadmin.paths import asset_dir


def test_the_migrations_are_those_that_alembic_sees() -> None:
    config = Config()
    config.set_main_option("script_location", str(asset_dir("migrations")))
    seen = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
    assert schema.migrations() == seen[::-1]


def test_the_database_of_the_tests_is_at_the_newest(db_session: scoped_session[Session]) -> None:
    at = schema.revision(lambda sql: db_session.scalar(text(sql)))
    assert at == schema.migrations()[-1]
    schema.check(at)
    assert schema.pending(at) == []


@pytest.mark.parametrize(
    ("at", "state", "pending", "advice"),
    [
        (None, schema.State.EMPTY, schema.migrations(), "massadmin migrate"),
        ("0001", schema.State.BEHIND, schema.migrations()[1:], "massadmin migrate"),
        ("9999", schema.State.AHEAD, [], "update this program"),
    ],
)
def test_another_database_is_refused_with_what_to_do(
    at: str | None, state: schema.State, pending: list[str], advice: str
) -> None:
    assert schema.state(at) is state
    assert schema.pending(at) == pending
    with pytest.raises(schema.WrongSchema, match=advice):
        schema.check(at)


def test_a_database_without_tables_has_no_revision() -> None:
    assert schema.revision(lambda sql: False) is None
