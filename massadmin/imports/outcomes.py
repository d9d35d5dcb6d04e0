"""The outcome of an import: what became of its rows, and those to look at again as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select, text, update

from massadmin.extensions import db
from massadmin.imports.models import ImportFile
from massadmin.runs.models import Run
from massadmin.tabular import error_lines as csv_lines
from massadmin.tabular import errors_file

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class Outcome:
    """How many rows of a file ended how. `noted` counts created and updated ones of which a cell
    was left out. Until the run has ended, some rows are in none of the counts."""

    rows: int
    created: int
    updated: int
    skipped: int
    failed: int
    noted: int


def outcome(run: Run) -> Outcome:
    """What became of the rows; of a run that is still going, so far."""
    kept = db.session.scalar(select(ImportFile.outcome).where(ImportFile.run_id == run.id))
    return Outcome(**kept) if kept else _counted(run.id)


def keep_outcome(run_id: int) -> None:
    """Count a run that has ended once and for all, because its results can be dropped; the
    caller commits."""
    db.session.execute(
        update(ImportFile)
        .where(ImportFile.run_id == run_id)
        .values(outcome=asdict(_counted(run_id)))
    )


def keep_cancelled_outcomes() -> int:
    """Count the imports that were cancelled, which nothing completes; how many they were.
    Commits."""
    cancelled = (
        select(Run.id)
        .join(ImportFile, ImportFile.run_id == Run.id)
        .where(ImportFile.outcome.is_(None), Run.state == "cancelled")
    )
    run_ids = list(db.session.scalars(cancelled))
    for run_id in run_ids:
        keep_outcome(run_id)
    db.session.commit()
    return len(run_ids)


def _counted(run_id: int) -> Outcome:
    row = db.session.execute(
        text(
            """
            SELECT
                (SELECT total FROM runs WHERE id = :run),
                count(*) FILTER (WHERE outcome = 'succeeded' AND before IS NULL),
                count(*) FILTER (WHERE outcome = 'succeeded' AND before IS NOT NULL),
                count(*) FILTER (WHERE outcome = 'skipped'),
                count(*) FILTER (WHERE outcome = 'failed'),
                count(*) FILTER (WHERE outcome = 'succeeded' AND reason IS NOT NULL)
            FROM run_results WHERE run_id = :run
            """
        ),
        {"run": run_id},
    ).one()
    return Outcome(*row)


def error_lines(run: Run) -> Iterator[bytes]:
    """CSV of the rows that failed and of those that were imported without some cell: the file's
    own columns, then `line` and `reason`. It can be corrected and imported again."""
    return csv_lines(run.params["columns"], _rows(run))


def write_errors(run: Run, path: Path) -> int:
    """Write `error_lines` to a file; how many rows there were. Without any, no file is written."""
    rows = _rows(run)
    first = next(rows, None)
    if first is None:
        return 0

    def every() -> Iterator[tuple[list[str], int, str]]:
        yield first
        yield from rows

    with path.open("wb") as file:
        return errors_file(file, run.params["columns"], every())


def _rows(run: Run) -> Iterator[tuple[list[str], int, str]]:
    """(cells, line, reason), in the order of the file; some at a time, so that memory stays."""
    line = 0
    while True:
        # Cells are looked up line by line, not joined: see `writing.py` for why.
        rows = db.session.execute(
            text(
                """
                SELECT r.item, r.outcome::text, r.reason, coalesce((
                    SELECT i.cells FROM import_rows AS i
                    WHERE i.file_id = :file AND i.line = r.item), '{}')
                FROM run_results AS r
                WHERE r.run_id = :run AND r.item > :line AND (
                    r.outcome = 'failed' OR (r.outcome = 'succeeded' AND r.reason IS NOT NULL))
                ORDER BY r.item LIMIT :limit
                """
            ),
            {"run": run.id, "file": run.params["file"], "line": line, "limit": ROWS_AT_ONCE},
        ).all()
        if not rows:
            return
        for item, outcome, reason, cells in rows:
            told = reason if outcome == "failed" else f"Imported. {reason}"
            yield cells, item, told or ""
        line = rows[-1][0]
