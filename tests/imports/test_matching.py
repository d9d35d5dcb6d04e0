"""Which record a row is about; what the policy makes of it is tested with what is written."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.imports.matching import settle_targets
from massadmin.imports.policy import Policy
from massadmin.imports.reading import Reading
from massadmin.runs.chunk import Chunk
from tests.factories import a_user, contacts, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")


def chunk_of(user: object) -> Chunk:
    return Chunk(1, 0, contacts(), [], {}, user, rehearsal=True)  # type: ignore[arg-type]


def test_addresses_match_without_regard_to_case() -> None:
    (known,) = some_contacts(1)
    rows = [Reading(2, key="P1@EXAMPLE.com"), Reading(3, key="p1@example.co"), Reading(4)]
    assert settle_targets(chunk_of(a_user()), rows, Policy()) == {2: known}
    assert [row.outcome for row in rows] == ["", "", ""]


def test_rows_that_are_over_are_left_alone() -> None:
    some_contacts(1)
    row = Reading(2, key="p1@example.com", outcome="skipped", reason="because")
    assert settle_targets(chunk_of(a_user()), [row], Policy()) == {}
    assert row.reason == "because"


def test_the_index_is_used_before_statistics_have_heard_of_the_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db.session.execute(text("ANALYZE contacts"))
    db.session.commit()
    some_contacts(3_000)
    chunk, plans = chunk_of(a_user()), []
    execute = chunk.execute

    def explained(sql: str, **binds: object) -> list[object]:
        plans.append("\n".join(execute("EXPLAIN " + sql, **binds).scalars()))
        return []

    monkeypatch.setattr(chunk, "execute", explained)
    rows = [Reading(line, key=f"p{line}@example.com") for line in range(2, 1_000)]
    settle_targets(chunk, rows, Policy())
    assert "ix_contacts_email" in plans[0]
    assert "Seq Scan on contacts" not in plans[0]
