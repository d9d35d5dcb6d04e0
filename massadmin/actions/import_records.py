"""Import: make the rows of a staged file into new and changed records."""

from __future__ import annotations

from typing import Any

from massadmin.auth.models import User
from massadmin.imports import outcomes, reverting, starting, writing
from massadmin.records.modules import Module
from massadmin.runs.action import Action
from massadmin.runs.chunk import Chunk


class ImportRecords(Action):
    """`params` is `{"file", "filename", "columns", "mapping", "policy"}`; items are line numbers.

    It is started with `imports.start`, from pages of its own; see `massadmin/imports/writing.py`
    for its results.
    """

    key, label, icon, permission = "import", "Import", "file-up", "import"
    listed = False
    largest_chunk = 5_000
    unchanged = "Its row is not kept any more; import the file again"
    failures_endpoint, failures_label = "imports.errors", "Rows to correct"
    item_label = "Line"
    revert_note = "Records that it created go to the trash."

    def prepare(self, params: dict[str, Any], module: Module, user: User) -> dict[str, Any]:
        """Tell the file which run imports it, in the transaction that makes the run."""
        starting.name_run(params["file"], user)
        return params

    def summary(self, params: dict[str, Any], module: Module) -> str:
        return f"Import {params['filename']}"

    def apply(self, chunk: Chunk) -> None:
        writing.write(chunk)

    def finish(self, run_id: int, params: dict[str, Any], module: Module) -> None:
        outcomes.keep_outcome(run_id)

    def revert(self, chunk: Chunk) -> None:
        reverting.revert(chunk)

    def settle(self, chunk: Chunk) -> None:
        """Items are lines of a file: what was left out is what is not staged any more."""
        chunk.write(
            "failed",
            f"""
            SELECT i.id AS item FROM unnest(CAST(:ids AS bigint[])) AS i (id)
            WHERE {chunk.without_result("i.id")}
            """,  # noqa: S608 - the chunk's own SQL, values are bound
            "item, CAST(NULL AS bigint), :unchanged, NULL, NULL",
            unchanged=self.unchanged,
        )
