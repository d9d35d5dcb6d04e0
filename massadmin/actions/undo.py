"""Undo: take back what an earlier run did, record by record, as far as it still stands."""

from __future__ import annotations

from typing import Any

from massadmin.records.modules import Module
from massadmin.runs.action import Action, get_action
from massadmin.runs.chunk import Chunk
from massadmin.runs.put_back import LOST, lost


class Undo(Action):
    """`params` is `{"run": id, "action": key, "name": its name}`; items are the undone run's.

    It is started with `runs.start.undo`, not from a form. Each action knows its own way back.
    """

    key, label, icon, permission = "undo", "Undo", "undo-2", "view"
    listed = False
    reversible = False
    unchanged = "Changed since"

    def needs(self, params: dict[str, Any]) -> str:
        """Whoever may do it may undo it."""
        return get_action(params["action"]).permission

    def summary(self, params: dict[str, Any], module: Module) -> str:
        return f"Undo: {params['name']}"

    def apply(self, chunk: Chunk) -> None:
        get_action(chunk.params["action"]).revert(chunk)

    def settle(self, chunk: Chunk) -> None:
        """As for any action, but the record is the one that the undone run touched.

        OFFSET keeps the results looked up one by one, whatever the statistics say.
        """
        in_trash = get_action(chunk.params["action"]).revert_in_trash
        mine = "true" if chunk.user.sees_all_records else "t.owner_id = :user_id"
        chunk.write(
            "skipped",
            f"""
            SELECT i.id AS item, r.record_id, CASE
                WHEN t.id IS NULL THEN 'No longer exists'
                WHEN (t.deleted_at IS NULL) = :trash THEN :gone
                WHEN NOT ({mine}) THEN 'Not one of your records'
                WHEN {lost(chunk.module)} THEN :lost
                ELSE :unchanged END AS reason
            FROM unnest(CAST(:ids AS bigint[])) AS i (id)
            LEFT JOIN LATERAL (
                SELECT o.record_id, o.before, o.after FROM run_results AS o
                WHERE o.run_id = :original AND o.item = i.id OFFSET 0
            ) AS r ON true
            LEFT JOIN {chunk.module.table.name} AS t ON t.id = r.record_id
            WHERE {chunk.without_result("i.id")}
            """,  # noqa: S608 - the table is the module's own, values are bound
            "item, record_id, reason, NULL, NULL",
            trash=in_trash,
            gone="Not in the trash any more" if in_trash else "Deleted since",
            unchanged=self.unchanged,
            lost=LOST,
        )
