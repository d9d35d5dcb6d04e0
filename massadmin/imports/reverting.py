"""Undoing an import: what it created goes to the trash, what it changed goes back.

A record that was created and has been changed since stays, because somebody has worked on it.
In the trash the others can be restored like anything that was deleted.
"""

from __future__ import annotations

from massadmin.records.as_json import json_object
from massadmin.runs.chunk import Chunk
from massadmin.runs.put_back import PARTLY, put_back

CHANGED = "Changed since it was imported"


def revert(chunk: Chunk) -> None:
    """Take back what the import `chunk.original` did in the rows of this chunk."""
    _trash_created(chunk)
    _take_tags_off(chunk)
    put_back(chunk)
    _record_tags(chunk)


def _trash_created(chunk: Chunk) -> None:
    """Delete the records that are still as the import made them; record the others as skipped."""
    table, tags, record = chunk.module.table.name, chunk.module.tags.name, chunk.module.tags_record
    fields = [
        field
        for field in chunk.module.fields
        if field.importable and field.type not in ("id", "tags")
    ]
    flags = [field.key for field in fields if field.type == "boolean" and not field.custom]
    now = json_object(fields, "t")
    # New records leave out what is empty or off.
    for flag in flags:
        now = now.replace(f"to_jsonb(t.{flag})", f"to_jsonb(nullif(t.{flag}, false))")
    # Judged before it is updated, and locked: the update must not meet another version.
    made = f"""
        made AS MATERIALIZED (
            SELECT r.item, t.id, jsonb_strip_nulls({now}) = r.after - 'tags_added'
                AND coalesce((
                    SELECT jsonb_agg(g.name ORDER BY g.name) FROM {tags} AS x
                    JOIN tags AS g ON g.id = x.tag_id WHERE x.{record} = t.id), '[]')
                  = coalesce(r.after -> 'tags_added', '[]') AS as_made
            FROM run_results AS r
            JOIN {table} AS t ON t.id = r.record_id
            WHERE r.run_id = :original AND r.item = ANY(:ids) AND r.before IS NULL
              AND r.after IS NOT NULL AND {chunk.reach()}
            FOR NO KEY UPDATE OF t
        )
        """  # noqa: S608 - names come from the module
    chunk.write(
        "succeeded",
        f"""
        UPDATE {table} AS t
        SET deleted_at = now(), deleted_by = :user_id, deleted_run_id = :run_id
        FROM made WHERE t.id = made.id AND made.as_made
        RETURNING made.item, t.id AS record_id
        """,  # noqa: S608 - names come from the module, values are bound
        "item, record_id, NULL, NULL, NULL",
        first=made,
    )
    chunk.write(
        "skipped",
        "SELECT item, id AS record_id FROM made",
        "item, record_id, :changed, NULL, NULL",
        first=made,
        changed=CHANGED,
    )


def _take_tags_off(chunk: Chunk) -> None:
    """Take off the tags that the import put on records that existed; remember from which rows."""
    tags, record = chunk.module.tags.name, chunk.module.tags_record
    chunk.execute("CREATE TEMPORARY TABLE import_tags_off (item bigint, name text) ON COMMIT DROP")
    chunk.execute(
        f"""
        WITH listed AS (
            SELECT r.item, r.record_id, lower(each.name) AS name
            FROM run_results AS r
            CROSS JOIN LATERAL jsonb_array_elements_text(r.after -> 'tags_added') AS each (name)
            WHERE r.run_id = :original AND r.item = ANY(:ids) AND r.before IS NOT NULL
        ),
        gone AS (
            DELETE FROM {tags} AS x
            USING listed, {chunk.module.table.name} AS t, tags AS g
            WHERE t.id = listed.record_id AND {chunk.reach()} AND lower(g.name) = listed.name
              AND x.{record} = t.id AND x.tag_id = g.id
            RETURNING listed.item, g.name
        )
        INSERT INTO import_tags_off SELECT item, name FROM gone
        """  # noqa: S608 - names come from the module, values are bound
    )


def _record_tags(chunk: Chunk) -> None:
    """Record the rows from whose records only tags were taken."""
    # The results are looked up item by item, as matching does with records.
    chunk.write(
        "succeeded",
        f"""
        SELECT o.item, r.record_id,
            CASE WHEN r.before <> '{{}}' THEN CAST(:partly AS text) END AS reason,
            jsonb_build_object('tags_removed', o.names) AS after
        FROM (
            SELECT item, jsonb_agg(name ORDER BY name) AS names
            FROM import_tags_off GROUP BY item
        ) AS o
        CROSS JOIN LATERAL (
            SELECT record_id, before FROM run_results
            WHERE run_id = :original AND item = o.item LIMIT 1
        ) AS r
        WHERE {chunk.without_result("o.item")}
        """,  # noqa: S608 - the chunk's own SQL, values are bound
        "item, record_id, reason, NULL, after",
        partly=PARTLY,
    )
    chunk.execute("DROP TABLE pg_temp.import_tags_off")
