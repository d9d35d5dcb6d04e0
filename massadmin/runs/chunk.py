"""The chunk: some records of a run, which an action changes by SQL in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import Module
from massadmin.runs.models import Outcome


class TryLater(Exception):
    """The chunk cannot be worked on now, through no fault of its records: a full disk, say.

    The chunk is put off and tried again; in the end the run holds with the message as its reason.
    """


@dataclass
class Chunk:
    """Some ids of one run, being worked on inside one transaction.

    `ids` are record ids, or whatever the action froze. `rehearsal` is true in a preview, whose
    transaction is rolled back: an action only minds it when it writes outside the database.
    `original` is the run being undone. `position` is the place of the first id among all ids of
    the run. `tally` counts the results written so far.
    """

    run_id: int
    seq: int
    module: Module
    ids: list[int]
    params: dict[str, Any]
    user: User
    original: int | None = None
    rehearsal: bool = False
    position: int = 0
    tally: Counter[str] = field(default_factory=Counter)

    def reach(self, alias: str = "t", *, trash: bool = False) -> str:
        """SQL that is true of the records the run's user may touch, as `alias` of the table.

        The records are those of the chunk, so they are found by their ids. For the trash it is
        said so that its index does not offer itself: after a big deletion, when the statistics
        think it small, each chunk would walk through all of it. The same is true of the owner, when
        the statistics know of none or few of their records: each result would be compared with all
        of them.
        """
        clause = f"{alias}.deleted_at IS NULL"
        if trash:
            clause = f"coalesce({alias}.deleted_at, '-infinity') > '-infinity'"
        if not self.user.sees_all_records:
            clause += f" AND coalesce({alias}.owner_id, 0) = :user_id"
        return clause

    def without_result(self, item: str) -> str:
        """SQL that is true of an `item` (an expression) that has no result yet.

        Said this way, each is looked up in the key. As NOT EXISTS it becomes a join, and one of
        all with all while the statistics have not heard of the run.
        """
        return f"""(SELECT r.item FROM run_results AS r
            WHERE r.run_id = :run_id AND r.item = {item}) IS NULL"""  # noqa: S608 - the actions' own SQL

    def execute(self, sql: str, **binds: Any) -> Any:
        """Run SQL with the chunk's own parameters: :ids, :run_id, :seq, :user_id, :original."""
        return db.session.execute(
            text(sql),
            {
                # As PostgreSQL writes an array: the driver takes several times as long for it.
                "ids": f"{{{','.join(map(str, self.ids))}}}",
                "run_id": self.run_id,
                "seq": self.seq,
                "user_id": self.user.id,
                "original": self.original,
                **binds,
            },
        )

    def succeed(self, changing: str, *, first: str = "", **binds: Any) -> int:
        """Change records and record each as succeeded; how many they were.

        `changing` is SQL that returns `id, reason, before, after` (the two jsonb, changed fields
        only) for each record it changed. A change that it only reads from goes into `first`, as
        `name AS (INSERT … RETURNING …)`. PostgreSQL hands out old and new values in the UPDATE
        itself, so what is recorded is what was written even when somebody edits meanwhile.
        """
        columns = "id, id, reason, before, after"
        return self.write("succeeded", changing, columns, first=first, **binds)

    def skip(self, selecting: str, **binds: Any) -> int:
        """Record as skipped what `selecting` returns as `id, reason`."""
        return self.write("skipped", selecting, "id, id, reason, NULL, NULL", **binds)

    def fail(self, selecting: str, **binds: Any) -> int:
        """Record as failed what `selecting` returns as `id, reason`."""
        return self.write("failed", selecting, "id, id, reason, NULL, NULL", **binds)

    def write(
        self, outcome: Outcome, source: str, columns: str, *, first: str = "", **binds: Any
    ) -> int:
        """Insert results of this outcome from SQL `source`, which may change records; `columns`
        yields item, record_id, reason, before, after from its rows. `first` as in `succeed`.

        Adds to the tally; how many results were written.
        """
        written = self.execute(
            f"""
            WITH {first + "," if first else ""} source AS ({source})
            INSERT INTO run_results (run_id, seq, item, record_id, outcome, reason, before, after)
            SELECT :run_id, :seq, item, record_id, '{outcome}', reason, before::jsonb, after::jsonb
            FROM (SELECT {columns} FROM source)
                AS result (item, record_id, reason, before, after)
            """,  # noqa: S608 - the fragments are the actions' own SQL, values are bound
            **binds,
        ).rowcount
        self.tally[outcome] += written
        return int(written)
