"""Matching: which record a row is about, and what the policy makes of that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from massadmin.imports.policy import Policy
from massadmin.imports.reading import Reading
from massadmin.imports.turns import take_turn
from massadmin.runs.chunk import Chunk

_SAME = {
    "email": "lower(t.email) = lower(r.key)",
    "phone": "t.phone = r.key",
    "id": "t.id = CAST(r.key AS bigint)",
}


@dataclass(frozen=True, slots=True)
class Found:
    """The record that a row matches: the oldest of the `count` that the user may change, which is
    0 when all that match are somebody else's."""

    id: int
    count: int


def settle_targets(chunk: Chunk, rows: Sequence[Reading], policy: Policy) -> dict[int, int]:
    """Find the records of the rows and end the rows that the policy leaves out.

    Returns:
        The record of each row that matched one, by line.
    """
    targets: dict[int, int] = {}
    open_rows = [row for row in rows if not row.outcome]
    if policy.on_match == "create" and policy.unmatched == "create":
        return targets
    found = _find(chunk, [row for row in open_rows if row.key is not None], policy)
    for row in open_rows:
        _decide(row, found.get(row.line), policy, targets)
    return targets


def _find(chunk: Chunk, rows: Sequence[Reading], policy: Policy) -> dict[int, Found]:
    if not rows or policy.match is None:
        return {}
    take_turn(chunk)
    # Row by row, so that the index is used even before statistics have heard of the records.
    found = chunk.execute(
        f"""
        SELECT r.line, m.id, m.mine
        FROM json_to_recordset(CAST(:keys AS json)) AS r (line integer, key text)
        CROSS JOIN LATERAL (
            SELECT min(t.id) FILTER (WHERE {chunk.reach()}) AS id,
                count(*) FILTER (WHERE {chunk.reach()}) AS mine, count(*) AS total
            FROM {chunk.module.table.name} AS t
            WHERE {_SAME[policy.match]} AND t.deleted_at IS NULL
        ) AS m
        WHERE m.total > 0
        """,  # noqa: S608 - names come from the module, values are bound
        keys=json.dumps([{"line": row.line, "key": row.key} for row in rows]),
    )
    return {line: Found(id or 0, count) for line, id, count in found}


def _decide(row: Reading, found: Found | None, policy: Policy, targets: dict[int, int]) -> None:
    """End the row where the policy says so; else `targets` gets the record it is to change."""
    if found is None:
        if policy.match == "id" and row.key is not None:
            # An id names a record that should be there; a new one would get another id.
            row.outcome, row.reason = "failed", "No record has this ID"
        elif policy.unmatched == "skip":
            row.outcome, row.reason = "skipped", "No record matches"
    elif found.count == 0:
        row.outcome, row.reason = "skipped", "Matches a record of somebody else"
    elif policy.on_match == "skip":
        targets[row.line] = found.id
        row.outcome, row.reason = "skipped", "Matches a record"
    elif policy.on_match == "update":
        targets[row.line] = found.id
        if found.count > 1:
            note = f"{found.count:,} records match; the oldest was taken"
            row.reason = f"{row.reason}; {note}" if row.reason else note
