"""Add tags: put one or more tags, new ones allowed, on every record."""

from __future__ import annotations

import json
from typing import Any

from wtforms import StringField
from wtforms.validators import InputRequired, ValidationError

from massadmin.auth.models import User
from massadmin.records.modules import Module
from massadmin.records.tags import BadTag, ensure_tags, tag_names
from massadmin.runs.action import Action, ActionForm, Chunk


class AddTagsForm(ActionForm):
    """Which tags."""

    tags = StringField(
        "Tags",
        [InputRequired("Name at least one tag.")],
        description="Separate tags with commas. A tag that does not exist yet is made.",
        render_kw={"data-suggest": "tags", "autocomplete": "off"},
    )

    def validate_tags(self, field: StringField) -> None:
        """At least one usable name."""
        try:
            if not tag_names(field.data or ""):
                raise ValidationError("Name at least one tag.")
        except BadTag as error:
            raise ValidationError(str(error)) from error

    def params(self) -> dict[str, Any]:
        """`{"tags": [name, …]}`"""
        return {"tags": tag_names(self.tags.data or "")}


class AddTags(Action):
    """Results: `after` is `{"tags_added": [name, …]}`, those that the record did not have."""

    key, label, icon, permission = "add_tags", "Add tags", "tag", "tag"
    Form = AddTagsForm
    unchanged = "Already has these tags"

    def prepare(self, params: dict[str, Any], module: Module, user: User) -> dict[str, Any]:
        """Make the tags that are new; adds `tag_ids`, in the order of `tags`."""
        ids = ensure_tags(params["tags"])
        return {**params, "tag_ids": [ids[name] for name in params["tags"]]}

    def summary(self, params: dict[str, Any], module: Module) -> str:
        return ("Add tag " if len(params["tags"]) == 1 else "Add tags ") + ", ".join(params["tags"])

    def apply(self, chunk: Chunk) -> None:
        tags, record = chunk.module.tags.name, chunk.module.tags_record
        # With one tag, what was added is the same for every record: no grouping, no names to join.
        single = len(chunk.params["tag_ids"]) == 1
        found = (
            "SELECT id, CAST(:constant AS jsonb) AS after FROM added"
            if single
            else """
            SELECT added.id, jsonb_build_object('tags_added', jsonb_agg(g.name)) AS after
            FROM added JOIN tags AS g ON g.id = added.tag_id GROUP BY added.id
            """
        )
        chunk.succeed(
            f"SELECT id, NULL AS reason, NULL::jsonb AS before, after FROM ({found}) AS found",  # noqa: S608 - constant SQL
            first=f"""
            added AS (
                INSERT INTO {tags} ({record}, tag_id)
                SELECT t.id, g.id
                FROM {chunk.module.table.name} AS t
                CROSS JOIN unnest(CAST(:tag_ids AS integer[])) AS g (id)
                WHERE t.id = ANY(:ids) AND {chunk.reach()}
                ON CONFLICT DO NOTHING
                RETURNING {record} AS id, tag_id
            )
            """,  # noqa: S608 - names come from the module, values are bound
            tag_ids=chunk.params["tag_ids"],
            constant=json.dumps({"tags_added": chunk.params["tags"]}),
        )

    def revert(self, chunk: Chunk) -> None:
        remove_listed(chunk)


def remove_listed(chunk: Chunk) -> None:
    """Take off the tags that the undone run's results list as added."""
    tags, record = chunk.module.tags.name, chunk.module.tags_record
    chunk.succeed(
        """
        SELECT item AS id, NULL AS reason, NULL::jsonb AS before,
            jsonb_build_object('tags_removed', jsonb_agg(name)) AS after
        FROM gone GROUP BY item
        """,
        first=f"""
        listed AS (
            SELECT r.item, r.record_id, lower(each.name) AS name
            FROM run_results AS r
            CROSS JOIN LATERAL jsonb_array_elements_text(r.after -> 'tags_added') AS each (name)
            WHERE r.run_id = :original AND r.item = ANY(:ids)
        ),
        gone AS (
            DELETE FROM {tags} AS x
            USING listed, tags AS g, {chunk.module.table.name} AS t
            WHERE lower(g.name) = listed.name AND t.id = listed.record_id AND {chunk.reach()}
              AND x.{record} = listed.record_id AND x.tag_id = g.id
            RETURNING listed.item, g.name
        )
        """,  # noqa: S608 - names come from the module, values are bound
    )


def put_back_listed(chunk: Chunk) -> None:
    """Put back the tags that the undone run's results list as removed."""
    tags, record = chunk.module.tags.name, chunk.module.tags_record
    chunk.succeed(
        """
        SELECT back.id, NULL AS reason, NULL::jsonb AS before,
            jsonb_build_object('tags_added', jsonb_agg(g.name)) AS after
        FROM back JOIN tags AS g ON g.id = back.tag_id GROUP BY back.id
        """,
        first=f"""
        back AS (
            INSERT INTO {tags} ({record}, tag_id)
            SELECT t.id, g.id
            FROM run_results AS r
            JOIN {chunk.module.table.name} AS t ON t.id = r.record_id
            CROSS JOIN LATERAL jsonb_array_elements_text(r.after -> 'tags_removed')
                AS listed (name)
            JOIN tags AS g ON lower(g.name) = lower(listed.name)
            WHERE r.run_id = :original AND r.item = ANY(:ids) AND {chunk.reach()}
            ON CONFLICT DO NOTHING
            RETURNING {record} AS id, tag_id
        )
        """,  # noqa: S608 - names come from the module, values are bound
    )
