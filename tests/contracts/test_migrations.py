"""The tables that migrations make are the tables that the code declares."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from massadmin.extensions import Base, db


@pytest.mark.usefixtures("db_session")
def test_models_match_migrations() -> None:
    import massadmin.web  # noqa: F401 - every table is declared once the pages are imported

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            each
            for each in compare_metadata(context, Base.metadata)
            # Alembic cannot compare indexes over expressions; their names are compared below.
            if not (isinstance(each, tuple) and each[0] in ("add_index", "remove_index"))
        ]
        assert differences == []
        made = set(
            connection.execute(text("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"))
            .scalars()
            .all()
        )
    declared = {index.name for table in Base.metadata.tables.values() for index in table.indexes}
    assert declared <= made
    assert {name for name in made if name.startswith("ix_")} <= declared
