"""Remove tags: take chosen tags, or all of them, off every record."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, StringField
from wtforms.validators import ValidationError

from massadmin.actions.add_tags import put_back_listed
from massadmin.auth.models import User
from massadmin.records.modules import Module
from massadmin.records.tags import BadTag, known_tags, tag_names
from massadmin.runs.action import Action, ActionForm
from massadmin.runs.chunk import Chunk


class RemoveTagsForm(ActionForm):
    """Which tags, or all."""

    tags = StringField(
        "Tags",
        description="Separate tags with commas.",
        render_kw={"data-suggest": "tags present", "autocomplete": "off"},
    )
    all = BooleanField("Remove every tag")

    def validate_tags(self, field: StringField) -> None:
        """Known names, unless all are to go."""
        if self.all.data:
            return
        try:
            names = tag_names(field.data or "")
        except BadTag as error:
            raise ValidationError(str(error)) from error
        if not names:
            raise ValidationError("Name at least one tag, or choose to remove every tag.")
        unknown = [name for name in names if name not in known_tags(names)]
        if unknown:
            raise ValidationError(f"There is no tag “{unknown[0]}”.")

    def params(self) -> dict[str, Any]:
        """`{"tags": [name, …], "all": bool}`"""
        all_of_them = bool(self.all.data)
        return {
            "tags": [] if all_of_them else tag_names(self.tags.data or ""),
            "all": all_of_them,
        }


class RemoveTags(Action):
    """Results: `after` is `{"tags_removed": [name, …]}`, those that the record had."""

    key, label, icon, permission = "remove_tags", "Remove tags", "tags", "tag"
    Form = RemoveTagsForm
    unchanged = "Has none of these tags"

    def prepare(self, params: dict[str, Any], module: Module, user: User) -> dict[str, Any]:
        """Adds `tag_ids`."""
        return {**params, "tag_ids": sorted(known_tags(params["tags"]).values())}

    def summary(self, params: dict[str, Any], module: Module) -> str:
        if params["all"]:
            return "Remove every tag"
        return ("Remove tag " if len(params["tags"]) == 1 else "Remove tags ") + ", ".join(
            params["tags"]
        )

    def apply(self, chunk: Chunk) -> None:
        tags, record = chunk.module.tags.name, chunk.module.tags_record
        chunk.succeed(
            """
            SELECT gone.id, NULL AS reason, NULL::jsonb AS before,
                jsonb_build_object('tags_removed', jsonb_agg(g.name)) AS after
            FROM gone JOIN tags AS g ON g.id = gone.tag_id GROUP BY gone.id
            """,
            first=f"""
            gone AS (
                DELETE FROM {tags} AS x
                USING {chunk.module.table.name} AS t
                WHERE t.id = ANY(:ids) AND {chunk.reach()} AND x.{record} = t.id
                  AND x.{record} = ANY(:ids)
                  AND (:all OR x.tag_id = ANY(CAST(:tag_ids AS integer[])))
                RETURNING x.{record} AS id, x.tag_id
            )
            """,  # noqa: S608 - names come from the module, values are bound
            tag_ids=chunk.params["tag_ids"],
            all=chunk.params["all"],
        )

    def revert(self, chunk: Chunk) -> None:
        put_back_listed(chunk)
