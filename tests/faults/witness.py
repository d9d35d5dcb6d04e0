"""What an onlooker sees who trusts no code of the product: the database and the queue themselves.

The records carry a number field `changes`, and the runs of these tests add 1 to it. So the field
says how often a record was changed, and the results say how often it should have been.
"""

from __future__ import annotations

from typing import Any

import psycopg
import redis

from massadmin.runs.dispatch import QUEUE
from massadmin.runs.states import ENDED
from tests.processes import until

FIELD = "custom.changes"
_ENDED = ", ".join(f"'{state}'" for state in sorted(ENDED))

# Each finds what must not be; `{found}` of its sentence is the number of rows.
_FAULTS: tuple[tuple[str, str], ...] = (
    (
        "{found} runs have not ended: {first}",
        f"SELECT id, state, error FROM runs WHERE state NOT IN ({_ENDED})",
    ),
    (
        "{found} chunks are pending: {first}",
        "SELECT c.run_id, c.seq, c.attempts FROM run_chunks AS c JOIN runs AS r ON r.id = c.run_id"
        " WHERE c.state = 'pending' AND r.state <> 'cancelled'",
    ),
    (
        "{found} chunks have not as many results as records: {first}",
        """
        SELECT c.run_id, c.seq, c.state, c.size, coalesce(r.results, 0)
        FROM run_chunks AS c
        LEFT JOIN (SELECT run_id, seq, count(*) AS results FROM run_results GROUP BY 1, 2) AS r
            USING (run_id, seq)
        WHERE coalesce(r.results, 0) <> CASE c.state WHEN 'done' THEN c.size ELSE 0 END
        """,
    ),
    (
        "{found} items have not exactly one result: {first}",
        "SELECT run_id, item, count(*) FROM run_results GROUP BY 1, 2 HAVING count(*) > 1",
    ),
    (
        "{found} runs have other tallies than their results: {first}",
        """
        SELECT r.id, r.state, r.total, r.succeeded, r.skipped, r.failed, c.*, x.*
        FROM runs AS r
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(succeeded), 0), coalesce(sum(skipped), 0), coalesce(sum(failed), 0)
            FROM run_chunks WHERE run_id = r.id
        ) AS c (succeeded, skipped, failed)
        LEFT JOIN (
            SELECT run_id, count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded,
                count(*) FILTER (WHERE outcome = 'skipped') AS skipped,
                count(*) FILTER (WHERE outcome = 'failed') AS failed
            FROM run_results GROUP BY run_id
        ) AS x ON x.run_id = r.id
        WHERE (r.succeeded, r.skipped, r.failed)
                IS DISTINCT FROM (c.succeeded::int, c.skipped::int, c.failed::int)
            OR (r.succeeded, r.skipped, r.failed) IS DISTINCT FROM (
                coalesce(x.succeeded, 0)::int, coalesce(x.skipped, 0)::int,
                coalesce(x.failed, 0)::int)
            OR (r.state = 'completed' AND r.total <> r.succeeded + r.skipped + r.failed)
        """,
    ),
    (
        "{found} records were changed more or less often than their results say: {first}",
        """
        SELECT t.id, coalesce(t.custom ->> 'changes', '0')::numeric, coalesce(x.changes, 0)
        FROM contacts AS t
        LEFT JOIN (
            SELECT p.record_id, sum(CASE r.action WHEN 'undo' THEN -1 ELSE 1 END) AS changes
            FROM run_results AS p JOIN runs AS r ON r.id = p.run_id
            WHERE p.outcome = 'succeeded' AND r.action IN ('update_fields', 'undo')
            GROUP BY 1
        ) AS x ON x.record_id = t.id
        WHERE coalesce(t.custom ->> 'changes', '0')::numeric <> coalesce(x.changes, 0)
        """,
    ),
    (
        "{found} runs ended not exactly once by the audit log: {first}",
        f"""
        SELECT r.id, r.state, count(a.id) FROM runs AS r
        LEFT JOIN audit_log AS a ON a.subject = 'run:' || r.id AND a.event = 'run.' || r.state
        WHERE r.state IN ({_ENDED}) GROUP BY 1, 2 HAVING count(a.id) <> 1
        """,
    ),
)


class Witness:
    """Asks the database and the queue of a test. Connects again after they were away."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._address = database_url.replace("+psycopg", "")
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self.queue = redis.Redis.from_url(redis_url)

    def close(self) -> None:
        """End both connections."""
        if self._connection is not None:
            self._connection.close()
        self.queue.close()

    def rows(self, sql: str, *binds: Any) -> list[tuple[Any, ...]]:
        """What `sql` finds; each call is a transaction of its own."""
        if self._connection is not None:
            try:
                return self._connection.execute(sql, binds or None).fetchall()
            except psycopg.OperationalError:
                self._connection.close()
        self._connection = psycopg.connect(self._address, autocommit=True)
        return self._connection.execute(sql, binds or None).fetchall()

    def one(self, sql: str, *binds: Any) -> Any:
        """The one value that `sql` finds."""
        return self.rows(sql, *binds)[0][0]

    def state(self, run_id: int) -> str:
        """The state of a run."""
        return str(self.one("SELECT state FROM runs WHERE id = %s", run_id))

    def done(self, run_id: int) -> int:
        """How many chunks of a run are done."""
        sql = "SELECT count(*) FROM run_chunks WHERE run_id = %s AND state = 'done'"
        return int(self.one(sql, run_id))

    def sees_progress(self, run_id: int) -> None:
        """Wait until one more chunk of a run is done, or all are."""
        before = self.done(run_id)
        until(lambda: self.done(run_id) > before or self.state(run_id) in ENDED, "the work goes on")

    def changed(self) -> int:
        """How many records were changed."""
        return int(self.one("SELECT count(*) FROM contacts WHERE custom ? 'changes'"))

    def results(self, run_id: int) -> dict[tuple[str, str], int]:
        """How many results there are of each outcome and reason."""
        sql = (
            "SELECT outcome::text, coalesce(reason, ''), count(*) FROM run_results"
            " WHERE run_id = %s GROUP BY 1, 2"
        )
        return {(outcome, reason): count for outcome, reason, count in self.rows(sql, run_id)}

    def tickets(self) -> int:
        """How many tickets wait in the queue."""
        return int(self.queue.llen(f"rq:queue:{QUEUE}"))

    def quiet(self) -> bool:
        """Whether every run has ended and no ticket waits."""
        going = self.one(f"SELECT count(*) FROM runs WHERE state NOT IN ({_ENDED})")
        return not going and not self.tickets()

    def faults(self) -> list[str]:
        """What is not as it must be once all is quiet, in sentences. Empty when all is well.

        A worker may ring once more just then, for nothing: tickets are not looked at again.
        """
        found = []
        for sentence, sql in _FAULTS:
            rows = self.rows(sql)
            if rows:
                found.append(sentence.format(found=len(rows), first=rows[:3]))
        return found
