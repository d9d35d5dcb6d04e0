"""Writing: one chunk of staged rows made into new and changed records, by a few statements.

The rows are read first, without touching any record. Then they are matched, and what is new is
inserted, what matched is updated, each with its results, in the chunk's own transaction.

Results have the line of the row as `item` and the record as `record_id`. For a new record `before`
is NULL and `after` holds the fields it was made with; for a changed one both hold the changed
fields only, `before` being `{}` where just tags were added (`after.tags_added`). The `reason` of
a row that succeeded tells which cells were left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from massadmin.auth.models import User
from massadmin.imports.cells import (
    Cell,
    cells_of,
    changed_json,
    insert_columns,
    made_json,
    update_columns,
)
from massadmin.imports.copying import DEFAULT, NULL, array, copying, lines, texts
from massadmin.imports.garbage import uncollected
from massadmin.imports.matching import settle_targets
from massadmin.imports.people import possible_owners
from massadmin.imports.policy import Policy
from massadmin.imports.reading import Reader, Reading
from massadmin.records.fields import Field
from massadmin.records.modules import Module
from massadmin.records.tags import ensure_tags
from massadmin.runs.chunk import Chunk
from massadmin.runs.models import OUTCOMES

ALREADY_SO = "Already so"


def reader_of(
    module: Module,
    columns: Sequence[str],
    mapping: Sequence[str | None],
    policy: Policy,
    user: User,
) -> Reader:
    """The reader of a file's rows, on behalf of `user`."""
    owners = possible_owners(module, user) if "owner_id" in mapping else {}
    return Reader(module, columns, mapping, policy, zone=user.zone, owners=owners)


@uncollected()
def write(chunk: Chunk) -> None:
    """Import the rows whose lines are the chunk's ids."""
    params = chunk.params
    policy = Policy.from_json(params["policy"])
    reader = reader_of(chunk.module, params["columns"], params["mapping"], policy, chunk.user)
    rows = _read(chunk, reader, policy)
    targets = settle_targets(chunk, rows, policy)
    _write_ended(chunk, [row for row in rows if row.outcome], targets)
    going = [row for row in rows if not row.outcome]
    if going:
        known = {row.line: targets[row.line] for row in going if row.line in targets}
        _Writing(chunk, policy, reader.fields).write(going, known)


def _read(chunk: Chunk, reader: Reader, policy: Policy) -> list[Reading]:
    # Duplicates are looked up line by line, not joined: the database expects none of a file that it
    # has not analyzed, and would go through all of them for each row.
    staged = chunk.execute(
        """
        SELECT i.line, i.cells, i.problem, (
            SELECT d.first_line FROM import_duplicates AS d
            WHERE d.file_id = i.file_id AND d.line = i.line)
        FROM import_rows AS i
        WHERE i.file_id = :file AND i.line = ANY(:ids)
        ORDER BY i.line
        """,
        file=chunk.params["file"],
    )
    found = staged.all()
    rows = reader.read([(line, cells, problem) for line, cells, problem, _ in found])
    for row, (_, _, _, first_line) in zip(rows, found, strict=True):
        if first_line is not None and not row.outcome:
            name = chunk.module.field(policy.match or "").label
            name = name if name.isupper() else name.lower()
            row.outcome, row.reason = "skipped", f"Same {name} as line {first_line:,}"
    return rows


def _write_ended(chunk: Chunk, rows: Sequence[Reading], targets: dict[int, int]) -> None:
    if not rows:
        return
    ended = [
        {
            "line": row.line,
            "id": targets.get(row.line),
            "outcome": row.outcome,
            "reason": row.reason,
        }
        for row in rows
    ]
    for outcome in OUTCOMES:
        if told := [each for each in ended if each["outcome"] == outcome]:
            chunk.write(
                outcome,
                """
                SELECT * FROM json_to_recordset(CAST(:rows AS json))
                    AS r (line integer, id bigint, reason text)
                """,
                "line, id, reason, NULL, NULL",
                rows=json.dumps(told),
            )


class _Writing:
    """The statements of one chunk, over a temporary table of what its rows say: `line`, the `id`
    that the record has or will have, whether it is `new`, and a column for each cell."""

    def __init__(self, chunk: Chunk, policy: Policy, fields: Sequence[Field]) -> None:
        self._chunk, self._policy = chunk, policy
        self._table = chunk.module.table.name
        self._cells = cells_of(chunk.module, fields)
        # Those who see only records of their own also own what they import.
        self._owner = policy.owner if chunk.user.sees_all_records else chunk.user.id

    def write(self, rows: Sequence[Reading], targets: dict[int, int]) -> None:
        """Insert and update the records of `rows`; `targets` are those that exist, by line."""
        self._load(rows, targets)
        if len(targets) < len(rows):
            self._insert()
        if targets:
            self._update()
            self._leave_the_rest()
        self._chunk.execute("DROP TABLE pg_temp.import_chunk")

    def _load(self, rows: Sequence[Reading], targets: dict[int, int]) -> None:
        """Fill the chunk's table; new records take their ids from the sequence of their table."""
        sequence = self._chunk.execute(
            f"SELECT pg_get_serial_sequence('{self._table}', 'id')"
        ).scalar_one()
        self._chunk.execute(
            f"""
            CREATE TEMPORARY TABLE import_chunk (
                line integer, id bigint DEFAULT nextval('{sequence}'), new boolean, note text,
                left_out integer[], tags integer[]
                {"".join(f", {cell.name} {cell.type}" for cell in self._cells)}
            ) ON COMMIT DROP
            """
        )
        lined = [row.line for row in rows]
        columns = [
            list(map(str, lined)),
            [str(targets[line]) if line in targets else DEFAULT for line in lined],
            ["f" if line in targets else "t" for line in lined],
            texts([row.reason for row in rows]),
            [array(row.left_out) for row in rows],
            self._tags(rows),
        ]
        by_cell = zip(*(row.values for row in rows), strict=True)
        columns += [cell.copied(values) for cell, values in zip(self._cells, by_cell, strict=True)]
        with copying(f"COPY import_chunk FROM STDIN WITH (DEFAULT '{DEFAULT}')") as copy:
            copy.write(lines(columns))

    def _tags(self, rows: Sequence[Reading]) -> list[str]:
        """The ids of each row's tags, those of the policy among them, as COPY takes them."""
        always = self._policy.tags
        if not always and not any(row.tags for row in rows):
            return [NULL] * len(rows)
        spelled: dict[str, str] = {}
        for name in (*always, *(name for row in rows for name in row.tags)):
            spelled.setdefault(name.lower(), name)
        ids = ensure_tags(spelled.values())
        known = {lower: ids[name] for lower, name in spelled.items()}
        return [
            array({known[name.lower()]: None for name in (*always, *row.tags)})
            if always or row.tags
            else NULL
            for row in rows
        ]

    def _insert(self) -> None:
        """Create the new records, put their tags on, and record them."""
        tags, record = self._chunk.module.tags.name, self._chunk.module.tags_record
        owned = self._owner is not None
        columns = insert_columns(self._cells, owned=owned)
        self._chunk.execute(
            f"""
            INSERT INTO {self._table} ({", ".join(("id", *columns))})
            SELECT {", ".join(("r.id", *columns.values()))}
            FROM import_chunk AS r WHERE r.new ORDER BY r.line
            """,  # noqa: S608 - names come from the module, values are bound
            owner=self._owner,
        )
        self._chunk.execute(
            f"""
            INSERT INTO {tags} ({record}, tag_id)
            SELECT r.id, unnest(r.tags) FROM import_chunk AS r WHERE r.new
            """  # noqa: S608 - names come from the module
        )
        self._chunk.write(
            "succeeded",
            f"""
            SELECT r.line, r.id, r.note, {made_json(self._cells, owned=owned)} || CASE
                WHEN r.tags IS NULL THEN '{{}}' ELSE (
                    SELECT jsonb_build_object('tags_added', jsonb_agg(g.name ORDER BY g.name))
                    FROM tags AS g WHERE g.id = ANY(r.tags)) END AS after
            FROM import_chunk AS r WHERE r.new
            """,  # noqa: S608 - names come from the module, values are bound
            "line, id, note, NULL, after",
            owner=self._owner,
        )

    def _update(self) -> None:
        """Change the records that were matched, put tags on, and record what that changed."""
        tags, record = self._chunk.module.tags.name, self._chunk.module.tags_record
        cells = [cell for cell in self._cells if cell.field.key != self._policy.match]
        self._chunk.write(
            "succeeded",
            """
            SELECT r.line, r.id, r.note, coalesce(c.before, '{}') AS before,
                coalesce(c.after, '{}') || coalesce(a.after, '{}') AS after
            FROM import_chunk AS r
            LEFT JOIN changed AS c ON c.line = r.line
            LEFT JOIN (
                SELECT added.id, jsonb_build_object('tags_added', jsonb_agg(g.name)) AS after
                FROM added JOIN tags AS g ON g.id = added.tag_id GROUP BY added.id
            ) AS a ON a.id = r.id
            WHERE NOT r.new AND (c.line IS NOT NULL OR a.id IS NOT NULL)
            """,
            "line, id, note, before, after",
            first=f"""
            added AS (
                INSERT INTO {tags} ({record}, tag_id)
                SELECT t.id, unnest(r.tags)
                FROM import_chunk AS r JOIN {self._table} AS t ON t.id = r.id
                WHERE NOT r.new AND {self._chunk.reach()}
                ON CONFLICT DO NOTHING
                RETURNING {record} AS id, tag_id
            ),
            changed AS ({self._change(cells)})
            """,  # noqa: S608 - names come from the module
            owner=self._owner,
        )

    def _change(self, cells: Sequence[Cell]) -> str:
        """The UPDATE, returning line, before and after of the records that it changed."""
        columns = update_columns(cells, clear=self._policy.empty == "clear")
        if not columns:
            return "SELECT 0 AS line, NULL::jsonb AS before, NULL::jsonb AS after WHERE false"
        differs = " OR ".join(f"t.{key} IS DISTINCT FROM {new}" for key, new in columns.items())
        return f"""
            UPDATE {self._table} AS t
            SET {", ".join(f"{key} = {new}" for key, new in columns.items())}, updated_at = now()
            FROM import_chunk AS r
            WHERE t.id = r.id AND NOT r.new AND {self._chunk.reach()} AND ({differs})
            RETURNING r.line, {changed_json(cells, "old")} AS before,
                {changed_json(cells, "new")} AS after
            """  # noqa: S608 - names come from the module

    def _leave_the_rest(self) -> None:
        """Record the records that were matched and already were as the file says."""
        self._chunk.write(
            "skipped",
            f"""
            SELECT c.line, c.id, concat_ws('; ', CAST(:already_so AS text), c.note) AS reason
            FROM import_chunk AS c
            WHERE NOT c.new AND {self._chunk.without_result("c.line")}
            """,  # noqa: S608 - the chunk's own SQL, values are bound
            "line, id, reason, NULL, NULL",
            already_so=ALREADY_SO,
        )
