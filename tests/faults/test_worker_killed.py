"""A worker is killed in the middle of a run: every record is changed exactly once all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from tests.factories import a_user, some_contacts, start_action
from tests.processes import process, until

RECORDS = 50_000


def one(sql: str) -> Any:
    """The one value that `sql` gives, in a transaction of its own."""
    db.session.rollback()
    return db.session.scalar(text(sql))


@pytest.fixture
def clocks(environ: dict[str, str], db_session: object) -> Iterator[None]:
    with process(environ, "clock"):
        yield


@pytest.mark.parametrize("kills", [3])
def test_killed_again_and_again(environ: dict[str, str], clocks: None, kills: int) -> None:
    admin = a_user()
    # The field counts how often each record was changed, so a second change would be seen.
    db.session.execute(
        text(
            "INSERT INTO custom_fields (module, key, label, type) "
            "VALUES ('contacts', 'changes', 'Changes', 'number')"
        )
    )
    some_contacts(RECORDS)
    run = start_action("update_fields", admin, **{"add__custom.changes": "1"})
    run_id = run.id

    def done() -> int:
        return int(
            one(f"SELECT count(*) FROM run_chunks WHERE run_id = {run_id} AND state = 'done'")
        )

    def busy() -> bool:
        return bool(
            one(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND query LIKE '%UPDATE contacts%'"
            )
        )

    with contextlib.ExitStack() as other:
        for _ in range(kills):
            before = done()
            with process(environ, "worker") as worker:
                until(lambda before=before: done() > before, "the worker does a chunk")
                until(lambda: busy() or done() == 20, "the worker is in the middle of a chunk")
                worker.kill()
                worker.wait()
        assert done() < 20
        for _ in range(2):
            other.enter_context(process(environ, "worker"))
        until(
            lambda: one(f"SELECT state FROM runs WHERE id = {run_id}") == "completed",
            "the run completes by itself",
        )
    db.session.rollback()
    changes = db.session.execute(
        text("SELECT custom ->> 'changes', count(*) FROM contacts GROUP BY 1")
    ).all()
    assert [tuple(row) for row in changes] == [("1", RECORDS)]
    assert one(f"SELECT count(*) FROM run_results WHERE run_id = {run_id}") == RECORDS
    assert (
        one(f"SELECT sum(succeeded + skipped + failed) FROM run_chunks WHERE run_id = {run_id}")
        == RECORDS
    )
    assert one(f"SELECT succeeded FROM runs WHERE id = {run_id}") == RECORDS
    assert one("SELECT count(*) FROM run_chunks WHERE state = 'pending'") == 0
