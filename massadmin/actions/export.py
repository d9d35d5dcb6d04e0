"""Export: write chosen columns of every record to a CSV or XLSX file, to be downloaded."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Compiled
from wtforms import BooleanField, RadioField, SelectMultipleField
from wtforms.validators import ValidationError

from massadmin.auth.models import User
from massadmin.exports import parts
from massadmin.exports.cells import file_rows, over_long
from massadmin.exports.workbook import MAX_CELL_CHARS
from massadmin.extensions import db
from massadmin.records.fields import Field
from massadmin.records.listing import shown_fields
from massadmin.records.modules import Module
from massadmin.runs.action import Action, ActionForm, one_of
from massadmin.runs.chunk import Chunk
from massadmin.runs.models import RunChunk, RunResult

CUT = f"Cut to the {MAX_CELL_CHARS:,} characters that a cell of Excel can hold: "


class ExportForm(ActionForm):
    """Which columns, and what kind of file."""

    columns = SelectMultipleField("Columns", validate_choice=False)
    format = RadioField(
        "Format",
        [one_of],
        choices={"csv": "CSV", "xlsx": "Excel (XLSX)"},
        default="csv",
        validate_choice=False,
        description=f"A cell of Excel holds {MAX_CELL_CHARS:,} characters. Longer text is cut, and "
        "the results say of which records; CSV holds all of it.",
    )
    bom = BooleanField(
        "Mark the file as UTF-8",
        default=True,
        description="CSV only. Excel needs the mark to read accents; a script may stumble over it.",
    )

    def setup(self, module: Module, user: User) -> None:
        """Offer every field; those of the user's own list are chosen."""
        self._fields_by_key = {field.key: field for field in module.fields}
        self.columns.choices = {field.key: field.label for field in module.fields}
        if self.columns.raw_data is None:
            mine = shown_fields(module, user.preference(f"columns.{module.key}"))
            self.columns.data = [field.key for field in mine]

    def validate_columns(self, field: SelectMultipleField) -> None:
        """Known columns; the command line may give them comma-separated."""
        wanted = self._wanted()
        if not wanted:
            raise ValidationError("Choose at least one column.")
        unknown = [key for key in wanted if key not in self._fields_by_key]
        if unknown:
            raise ValidationError(
                f"There is no column “{unknown[0][:60]}”. "
                f"There are {', '.join(self._fields_by_key)}."
            )

    def _wanted(self) -> list[str]:
        parts = [part.strip() for each in self.columns.data or [] for part in each.split(",")]
        return list(dict.fromkeys(part for part in parts if part))

    def params(self) -> dict[str, Any]:
        """`{"columns": [key, …], "format": "csv" | "xlsx", "bom": bool}`"""
        return {
            "columns": self._wanted(),
            "format": self.format.data,
            "bom": bool(self.bom.data),
        }


class Export(Action):
    """Each chunk is a part of the file; when all are done they are put together."""

    key, label, icon, permission = "export", "Export", "download", "export"
    Form = ExportForm
    reversible = False
    retryable = False
    slow_to_finish = True
    # A part is done in a blink, but begins and ends by waiting for the disk.
    chunk_size = 20_000
    download_endpoint = "exports.download"

    def prepare(self, params: dict[str, Any], module: Module, user: User) -> dict[str, Any]:
        """Adds what every part must agree on: the columns' `labels`, the `zone` of times, and the
        `word` that tells the folder from all others."""
        labels = [module.field(key).label for key in params["columns"]]
        return {**params, "labels": labels, "zone": user.zone, "word": secrets.token_hex(8)}

    def summary(self, params: dict[str, Any], module: Module) -> str:
        count = len(params["columns"])
        columns = "1 column" if count == 1 else f"{count} columns"
        return f"Export {columns} of {module.label.lower()} as {params['format'].upper()}"

    def apply(self, chunk: Chunk) -> None:
        # The results come first and the file follows them, so that both tell the same.
        columns = columns_of(chunk.module, chunk.params)
        cut = "CAST(NULL AS text)"
        if chunk.params["format"] == "xlsx":
            cut = over_long(chunk.module, columns, MAX_CELL_CHARS)
        chunk.succeed(
            f"""
            SELECT t.id, :cut || {cut} AS reason, NULL AS before, NULL AS after
            FROM {chunk.module.table.name} AS t WHERE t.id = ANY(:ids) AND {chunk.reach()}
            """,  # noqa: S608 - the table is the module's own, values are bound
            cut=CUT,
        )
        if chunk.rehearsal:
            return
        place = parts.folder(chunk.run_id, chunk.params)
        rows = _rows(chunk.module, tuple(columns), chunk.params["format"])
        these = {"of_run": chunk.run_id, "first": chunk.ids[0], "last": chunk.ids[-1]}
        parts.write(place, chunk.seq, chunk.ids, rows, these, chunk.params["zone"])

    def finish(self, run_id: int, params: dict[str, Any], module: Module) -> None:
        written = db.session.scalar(
            select(func.coalesce(func.sum(RunChunk.succeeded), 0)).where(RunChunk.run_id == run_id)
        )
        numeric = [field.type in ("number", "id") for field in columns_of(module, params)]
        target = parts.finished_file(run_id, params)
        parts.assemble(target, params, numeric=numeric, rows=int(written or 0))


# Putting the statement together takes longer than COPY needs for a part.
@lru_cache(maxsize=16)
def _rows(module: Module, columns: tuple[Field, ...], file_format: str) -> Compiled:
    """The rows of the records `first` to `last` that got a result in `of_run`."""
    ids = select(RunResult.item).where(
        RunResult.run_id == bindparam("of_run"),
        RunResult.item.between(bindparam("first"), bindparam("last")),
        RunResult.outcome == "succeeded",
    )
    # Only CSV leaves it to the reader whether a cell is text.
    rows = file_rows(module, columns, ids, harmless=file_format == "csv")
    return rows.compile(dialect=db.engine.dialect, compile_kwargs={"render_postcompile": True})


def columns_of(module: Module, params: dict[str, Any]) -> list[Field]:
    """The columns of an export; one whose field was removed since is written as plain text."""
    known = {field.key: field for field in module.fields}
    return [
        known.get(key) or Field(key, label, "text")
        for key, label in zip(params["columns"], params["labels"], strict=True)
    ]
