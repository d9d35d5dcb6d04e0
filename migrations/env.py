"""Alembic's environment: migrations run on the application's own engine."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

from massadmin.extensions import db

# Several processes may start at once on a new database; one of them migrates.
LOCK = 4_000_000_000_000


def include_object(item: Any, name: str, kind: str, reflected: bool, compared: Any) -> bool:
    """Leave expression indexes to the migrations: Alembic cannot compare them."""
    return not (kind == "index" and reflected and compared is None)


with db.engine.connect() as connection:
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
    context.configure(
        connection=connection,
        target_metadata=current_app.extensions["migrate"].db.metadata,
        include_object=include_object,
        transaction_per_migration=True,
    )
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()
    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
    connection.commit()
