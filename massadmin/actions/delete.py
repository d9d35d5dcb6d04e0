"""Delete: move records to the trash, with all that hangs on them."""

from __future__ import annotations

from typing import Any

from wtforms import StringField
from wtforms.validators import ValidationError

from massadmin.actions.restore import TAKEN, holder
from massadmin.records.deletion import restore_days
from massadmin.records.modules import Module
from massadmin.runs.action import Action, ActionForm
from massadmin.runs.chunk import Chunk

WORD = "DELETE"


class DeleteForm(ActionForm):
    """The typed word."""

    confirm = StringField(
        f"Type {WORD} to confirm",
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )

    def validate_confirm(self, field: StringField) -> None:
        """Exactly the word."""
        if (field.data or "").strip() != WORD:
            raise ValidationError(f"Type {WORD}, in capital letters.")

    def params(self) -> dict[str, Any]:
        """`{}`: the word is for now, not for the run."""
        return {}


class Delete(Action):
    """Results: `after` is `{"shared_email": true}` for a record that was not the only one with
    its e-mail when it was deleted, else NULL. Undo needs it to tell an address that was shared
    all along from one that somebody took since."""

    key, label, icon, permission = "delete", "Delete", "trash-2", "delete"
    Form = DeleteForm
    confirm_word = WORD
    largest_chunk = 5_000
    revert_in_trash = True
    unchanged = "Deleted already"

    @property
    def consequences(self) -> str:
        return (
            "They leave every list and go to the trash, with their tags and everything else that "
            f"hangs on them. They can be restored for {restore_days()} days; then they are "
            "removed for good."
        )

    def summary(self, params: dict[str, Any], module: Module) -> str:
        return f"Delete {module.label.lower()}"

    def apply(self, chunk: Chunk) -> None:
        table = chunk.module.table.name
        beside = "other.id <> t.id AND (other.deleted_at IS NULL OR other.deleted_run_id = :run_id)"
        chunk.succeed(
            f"""
            UPDATE {table} AS t
            SET deleted_at = now(), deleted_by = :user_id, deleted_run_id = :run_id
            WHERE t.id = ANY(:ids) AND {chunk.reach()}
            RETURNING t.id, NULL AS reason, NULL AS before,
                CASE WHEN {holder(table, "t", beside)} IS NOT NULL
                THEN '{{"shared_email": true}}' END AS after
            """  # noqa: S608 - the table is the module's own, values are bound
        )

    def revert(self, chunk: Chunk) -> None:
        table = chunk.module.table.name
        # Not said plainly: by the index of it, each chunk would walk through the whole deletion.
        by_this_run = "coalesce(t.deleted_run_id, 0) = :original"
        chunk.write(
            "succeeded",
            f"""
            UPDATE {table} AS t
            SET deleted_at = NULL, deleted_by = NULL, deleted_run_id = NULL
            FROM run_results AS r
            WHERE r.run_id = :original AND r.item = ANY(:ids) AND t.id = r.record_id
              AND {by_this_run} AND {chunk.reach(trash=True)}
              AND (r.after ? 'shared_email'
                OR {holder(table, "t", "other.deleted_at IS NULL")} IS NULL)
            RETURNING r.item, t.id AS record_id
            """,  # noqa: S608 - the table is the module's own, values are bound
            "item, record_id, NULL, NULL, NULL",
        )
        chunk.write(
            "skipped",
            f"""
            SELECT r.item, t.id AS record_id
            FROM run_results AS r
            JOIN {table} AS t ON t.id = r.record_id
            WHERE r.run_id = :original AND r.item = ANY(:ids)
              AND {by_this_run} AND {chunk.reach(trash=True)}
            """,  # noqa: S608 - the table is the module's own, values are bound
            "item, record_id, :taken, NULL, NULL",
            taken=TAKEN,
        )
