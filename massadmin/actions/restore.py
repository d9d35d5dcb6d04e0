"""Restore: bring deleted records back from the trash, whatever became of their e-mail meanwhile."""

from __future__ import annotations

import json
from typing import Any

from wtforms import RadioField

from massadmin.records.as_json import json_object
from massadmin.records.modules import Module
from massadmin.runs.action import Action, ActionForm, one_of
from massadmin.runs.chunk import Chunk

# Restoring is done by one worker at a time: two that bring back the same address at the same
# moment would not see each other.
RESTORE_LOCK = 5_000_000_000_000

TAKEN = "Another contact uses its e-mail now"


class RestoreForm(ActionForm):
    """What becomes of those whose e-mail is in use."""

    on_conflict = RadioField(
        "If another contact uses the e-mail now",
        [one_of],
        validate_choice=False,
        choices={
            "skip": "Leave it in the trash",
            "merge": "Merge it into that contact: fill empty fields, add tags",
            "without_email": "Restore it without the e-mail",
        },
        default="skip",
    )

    def params(self) -> dict[str, Any]:
        """`{"on_conflict": "skip" | "merge" | "without_email"}`"""
        return {"on_conflict": self.on_conflict.data}


class Restore(Action):
    """Of several deleted records with one e-mail the first comes back, and the others are in
    conflict with it; unless they had it side by side when one run deleted them, and come back
    side by side.

    A merged record stays in the trash, as deleted by this run. Its result is about the live
    record: `before` and `after` hold the fields that were filled, `after` also `tags_added` and,
    in words, what was `not_taken_over` because the live record has another value.
    """

    key, label, icon, permission = "restore", "Restore", "archive-restore", "restore"
    Form = RestoreForm
    trash = True
    largest_chunk = 5_000
    reversible = False
    unchanged = "Changed while it was being restored"

    def summary(self, params: dict[str, Any], module: Module) -> str:
        how = {
            "skip": "",
            "merge": ", merging where the e-mail is in use",
            "without_email": ", without e-mails that are in use",
        }
        return f"Restore {module.label.lower()}{how[params['on_conflict']]}"

    def apply(self, chunk: Chunk) -> None:
        if not chunk.rehearsal:
            chunk.execute("SELECT pg_advisory_xact_lock(:key)", key=RESTORE_LOCK)
        _restore_free(chunk)
        if chunk.tally["succeeded"] == len(chunk.ids):
            return
        _restore_twins(chunk)
        match chunk.params["on_conflict"]:
            case "merge":
                _skip_merged(chunk)
                _merge(chunk)
            case "without_email":
                _restore_without_email(chunk)
            case _:
                chunk.skip(
                    f"SELECT d.id, :taken AS reason FROM {chunk.module.table.name} AS d"  # noqa: S608 - the table is the module's own
                    f" WHERE {_waiting(chunk)}",
                    taken=TAKEN,
                )


def holder(table: str, record: str, condition: str) -> str:
    """SQL: the lowest id of the records (`other`) that meet `condition` and have the e-mail of
    `record`, or NULL.

    Said this way, each e-mail is looked up in its index. As EXISTS it becomes a join, and one of
    all with all when the planner has stale numbers: after a big deletion, just when it matters.
    """
    return f"""(SELECT min(other.id) FROM {table} AS other
        WHERE lower(other.email) = lower({record}.email) AND {condition})"""  # noqa: S608 - fixed names


def _waiting(chunk: Chunk) -> str:
    """SQL: `d` is of this chunk and still in the trash, without a result."""
    return f"d.id = ANY(:ids) AND {chunk.reach('d', trash=True)} AND {chunk.without_result('d.id')}"


def _restore_free(chunk: Chunk) -> None:
    """Restore those whose e-mail nobody uses, one per e-mail."""
    table = chunk.module.table.name
    chunk.succeed(
        f"""
        UPDATE {table} AS t
        SET deleted_at = NULL, deleted_by = NULL, deleted_run_id = NULL
        FROM (
            SELECT DISTINCT ON (lower(d.email), CASE WHEN d.email IS NULL THEN d.id END) d.id
            FROM {table} AS d
            WHERE d.id = ANY(:ids) AND {chunk.reach("d", trash=True)}
              AND {holder(table, "d", "other.deleted_at IS NULL")} IS NULL
            ORDER BY lower(d.email), CASE WHEN d.email IS NULL THEN d.id END, d.id
        ) AS free
        WHERE t.id = free.id AND {chunk.reach(trash=True)}
        RETURNING t.id, NULL AS reason, NULL AS before, NULL AS after
        """  # noqa: S608 - the table is the module's own, values are bound
    )


def _restore_twins(chunk: Chunk) -> None:
    """Restore those that shared their e-mail before, where only this run has brought it back."""
    table = chunk.module.table.name
    of_others = """other.deleted_at IS NULL AND (
        SELECT mine.item FROM run_results AS mine
        WHERE mine.run_id = :run_id AND mine.item = other.id
          AND mine.outcome = 'succeeded') IS NULL"""
    chunk.succeed(
        f"""
        UPDATE {table} AS d
        SET deleted_at = NULL, deleted_by = NULL, deleted_run_id = NULL
        FROM run_results AS deletion
        WHERE {_waiting(chunk)} AND deletion.run_id = d.deleted_run_id
          AND deletion.item = d.id AND deletion.after ? 'shared_email'
          AND {holder(table, "d", of_others)} IS NULL
        RETURNING d.id, NULL AS reason, NULL AS before, NULL AS after
        """  # noqa: S608 - the table is the module's own, values are bound
    )


def _restore_without_email(chunk: Chunk) -> None:
    chunk.succeed(
        f"""
        UPDATE {chunk.module.table.name} AS d
        SET deleted_at = NULL, deleted_by = NULL, deleted_run_id = NULL,
            email = NULL, updated_at = now()
        WHERE {_waiting(chunk)}
        RETURNING d.id, CAST(:reason AS text) AS reason,
            jsonb_build_object('email', old.email) AS before,
            jsonb_build_object('email', NULL) AS after
        """,  # noqa: S608 - the table is the module's own, values are bound
        reason="Without its e-mail, which another contact uses now",
    )


def _skip_merged(chunk: Chunk) -> None:
    chunk.skip(
        f"""
        SELECT d.id, :reason AS reason
        FROM {chunk.module.table.name} AS d
        JOIN runs AS merged ON merged.id = d.deleted_run_id AND merged.action = 'restore'
        WHERE {_waiting(chunk)}
        """,  # noqa: S608 - the table is the module's own, values are bound
        reason="Merged before into the contact that uses its e-mail",
    )


def _merge(chunk: Chunk) -> None:
    """Fill the empty fields of the live record with the oldest id of each e-mail, and add tags.

    A flag counts as empty when it is off: “do not e-mail” survives a merge.
    """
    module, table = chunk.module, chunk.module.table.name
    fields = [each for each in module.fields if each.editable and each.type != "tags"]
    fields = [each for each in fields if each.key != "email"]
    columns = [each.key for each in fields if not each.custom]
    flags = {each.key for each in fields if not each.custom and each.type == "boolean"}
    gathered = ", ".join(
        f"bool_or(pair.{key}) AS {key}"
        if key in flags
        else f"(array_agg(pair.{key} ORDER BY pair.id) FILTER (WHERE pair.{key} IS NOT NULL))[1]"
        f" AS {key}"
        for key in columns
    )
    filled = ", ".join(
        f"{key} = t.{key} OR g.{key}" if key in flags else f"{key} = coalesce(t.{key}, g.{key})"
        for key in columns
    )
    tags, record = module.tags.name, module.tags_record
    # Found by themselves and then named, so that the planner knows how many they are: of those
    # without a result it expects hardly any, and would join all with all, again for each.
    waiting = chunk.execute(f"SELECT d.id FROM {table} AS d WHERE {_waiting(chunk)}").scalars()  # noqa: S608 - the table is the module's own, values are bound
    chunk.write(
        "succeeded",
        """
        SELECT pair.id AS item, filled.id AS record_id,
            CASE WHEN said.differing IS NULL THEN :merged ELSE :partly END AS reason,
            said.before, coalesce(said.after, '{}')
                || CASE WHEN tagged.names IS NULL THEN '{}'
                   ELSE jsonb_build_object('tags_added', tagged.names) END
                || CASE WHEN said.differing IS NULL THEN '{}'
                   ELSE jsonb_build_object('not_taken_over', said.differing) END AS after
        FROM pair
        JOIN filled ON filled.id = pair.live_id
        JOIN moved ON moved.id = pair.id
        LEFT JOIN tagged ON tagged.id = pair.id
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(key, was) FILTER (WHERE was <> now AND now = own) AS before,
                jsonb_object_agg(key, now) FILTER (WHERE was <> now AND now = own) AS after,
                jsonb_agg((CAST(:labels AS jsonb) ->> key) || ': ' || (own #>> '{}') ORDER BY key)
                    FILTER (WHERE own <> now AND own NOT IN ('null', 'false')) AS differing
            FROM (
                SELECT key, filled.was -> key AS was, value AS now, pair.own -> key AS own
                FROM jsonb_each(filled.now)
            ) AS field
        ) AS said
        """,
        "item, record_id, reason, before, after",
        first=f"""
        pair AS (
            SELECT d.*, {json_object(fields, "d")} AS own,
                {holder(table, "d", "other.deleted_at IS NULL")} AS live_id
            FROM {table} AS d WHERE d.id = ANY(:waiting) AND {chunk.reach("d", trash=True)}
        ), given AS (
            SELECT pair.live_id, {gathered} FROM pair GROUP BY pair.live_id
        ), given_custom AS MATERIALIZED (
            SELECT live_id, jsonb_object_agg(key, value) AS custom FROM (
                SELECT DISTINCT ON (pair.live_id, key) pair.live_id, key, value
                FROM pair CROSS JOIN jsonb_each(pair.custom) WHERE value <> 'null'
                ORDER BY pair.live_id, key, pair.id
            ) AS each GROUP BY live_id
        ), filled AS (
            UPDATE {table} AS t
            SET {filled}, custom = coalesce(c.custom, '{{}}') || jsonb_strip_nulls(t.custom),
                updated_at = now()
            FROM given AS g LEFT JOIN given_custom AS c ON c.live_id = g.live_id
            WHERE t.id = g.live_id
            RETURNING t.id, {json_object(fields, "old")} AS was, {json_object(fields, "new")} AS now
        ), tagging AS (
            INSERT INTO {tags} ({record}, tag_id)
            SELECT DISTINCT pair.live_id, x.tag_id
            FROM pair JOIN {tags} AS x ON x.{record} = pair.id
            ON CONFLICT DO NOTHING
            RETURNING {record} AS id, tag_id
        ), tagged AS MATERIALIZED (
            SELECT pair.id, jsonb_agg(name.name ORDER BY lower(name.name)) AS names
            FROM tagging JOIN pair ON pair.live_id = tagging.id
            JOIN {tags} AS x ON x.{record} = pair.id AND x.tag_id = tagging.tag_id
            JOIN tags AS name ON name.id = x.tag_id
            GROUP BY pair.id
        ), moved AS (
            UPDATE {table} AS t
            SET deleted_at = now(), deleted_by = :user_id, deleted_run_id = :run_id
            FROM pair WHERE t.id = pair.id AND pair.live_id IS NOT NULL
              AND {chunk.reach(trash=True)}
            RETURNING t.id
        )
        """,  # noqa: S608 - columns and keys are declared by the module, values are bound
        merged="Merged into the contact that uses its e-mail now",
        partly="Merged; what differs stays with the deleted one",
        waiting=list(waiting),
        labels=json.dumps({each.key: each.label for each in fields}),
    )
