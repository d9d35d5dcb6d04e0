"""Putting fields back: the undo of every action that writes fields.

The results of the undone run hold, per record, what each field was and what the run made of it. A
field goes back only where it still holds what the run wrote; what somebody changed since stays. A
custom field may have been deleted since, and another one taken its key: it is given no value that
is not of its type.
"""

from __future__ import annotations

from collections.abc import Set

from sqlalchemy.dialects import postgresql

from massadmin.records.as_json import json_object, json_value
from massadmin.records.fields import CUSTOM_PREFIX, Field
from massadmin.records.modules import Module
from massadmin.runs.chunk import Chunk

PARTLY = "Only partly: other fields were changed since"
PARTLY_LOST = "Only partly: a field that it changed is gone, or of another type by now"
LOST = "A field that it changed is gone, or of another type by now"
_JSON_TYPES = {"number": "number", "boolean": "boolean"}


def put_back(chunk: Chunk) -> None:
    """Set the fields that run `chunk.original` wrote back to what they were before."""
    keys = frozenset(
        chunk.execute(
            """
            SELECT DISTINCT jsonb_object_keys(before) FROM run_results
            WHERE run_id = :original AND item = ANY(:ids) AND before IS NOT NULL
            """
        ).scalars()
    )
    known = {field.key: field for field in chunk.module.fields}
    fields = [known[key] for key in sorted(keys) if key in known]
    if not fields:
        return
    holds = {field.key: _still_holds(field) for field in fields}
    changed = " OR ".join(f"({clause})" for clause in holds.values())
    # In RETURNING, `t` is the row as it is now.
    whole = " AND ".join(
        f"({_still_holds(field, 'old')} OR NOT r.after ? '{field.key}'"
        f" OR r.before -> '{field.key}' = r.after -> '{field.key}')"
        for field in fields
    )
    reason = f"""CASE WHEN {lost(chunk.module, keys)} THEN CAST(:partly_lost AS text)
                WHEN NOT ({whole}) THEN CAST(:partly AS text) END"""
    columns = [field for field in fields if not field.custom]
    custom = [field for field in fields if field.custom]
    assignments = [
        f"{field.key} = CASE WHEN {holds[field.key]}"
        f" THEN {_old_value(chunk, field)} ELSE t.{field.key} END"
        for field in columns
    ]
    if len(keys) == 1:
        # A record on which the only field goes back is whole: nothing is to be decided for each.
        reason = "NULL"
        assignments = [f"{field.key} = {_old_value(chunk, field)}" for field in columns]
    if custom:
        assignments.append(f"custom = {_custom_back(custom)}")
    chunk.write(
        "succeeded",
        f"""
        UPDATE {chunk.module.table.name} AS t
        SET {", ".join(assignments)}, updated_at = now()
        FROM run_results AS r
        WHERE r.run_id = :original AND r.item = ANY(:ids) AND t.id = r.record_id
          AND {chunk.reach()} AND ({changed})
        RETURNING r.item, t.id AS record_id, {reason} AS reason,
            {json_object(fields, "old")} AS before, {json_object(fields, "new")} AS after
        """,  # noqa: S608 - columns and keys are declared by the module, values are bound
        "item, record_id, reason, before, after",
        partly=PARTLY,
        partly_lost=PARTLY_LOST,
    )


def lost(module: Module, changed: Set[str] | None = None) -> str:
    """SQL: result `r` tells of a field that cannot be put back, because the module has none of its
    key any more, or one of another type. `changed` are the only fields it may tell of, if known."""
    known = {field.key: field for field in module.fields}
    if changed is not None and all(key in known and not known[key].custom for key in changed):
        return "false"
    keys = ", ".join(f"'{key}'" for key in known)
    unfit = "".join(
        f" OR (r.before -> '{field.key}' <> r.after -> '{field.key}' AND NOT ({_fits(field)}))"
        for field in module.fields
        if field.custom
    )
    gone = f"r.before - ARRAY[{keys}]"
    return f"coalesce(({gone} <> '{{}}' AND {gone} <> r.after - ARRAY[{keys}]){unfit}, false)"


def _fits(field: Field) -> str:
    """SQL: the field can hold what was in it before the run."""
    if not field.custom:
        return "true"
    value = f"r.before -> '{field.key}'"
    fits = f"jsonb_typeof({value}) IN ('null', '{_JSON_TYPES.get(field.type, 'string')}')"
    if field.type == "date":
        fits += f" AND pg_input_is_valid(coalesce(r.before ->> '{field.key}', 'today'), 'date')"
    return fits


def _still_holds(field: Field, alias: str = "t") -> str:
    """SQL: the run changed this field of the record, and row `alias` has it as the run left it."""
    return (
        f"r.after ? '{field.key}' AND r.before -> '{field.key}' <> r.after -> '{field.key}'"
        f" AND {json_value(field, alias)} = r.after -> '{field.key}' AND {_fits(field)}"
    )


def _old_value(chunk: Chunk, field: Field) -> str:
    """SQL of what was in a column before the run."""
    kind = chunk.module.table.c[field.key].type.compile(
        dialect=postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
    )
    return f"CAST(r.before ->> '{field.key}' AS {kind})"


def _custom_back(fields: list[Field]) -> str:
    custom = "t.custom"
    for field in fields:
        key = field.key.removeprefix(CUSTOM_PREFIX)
        # `custom` stands here once: the SQL of many fields must not double with each.
        custom = (
            f"(({custom}) - CASE WHEN {_still_holds(field)} THEN ARRAY['{key}'] "
            f"ELSE ARRAY[]::text[] END) || CASE WHEN {_still_holds(field)} "
            f"AND r.before -> '{field.key}' <> 'null' "
            f"THEN jsonb_build_object('{key}', r.before -> '{field.key}') ELSE '{{}}' END"
        )
    return custom
