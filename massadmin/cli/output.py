"""What commands print: one JSON object for scripts, aligned lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy import func

from massadmin.cli.refusals import printable
from massadmin.extensions import db
from massadmin.records.modules import Module, get_module
from massadmin.runs.action import REGISTRY
from massadmin.runs.models import Run
from massadmin.runs.progress import progress_of


def print_json(value: dict[str, Any]) -> None:
    """One object, on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell; numbers stand on the right."""
    rows = list(rows)
    cells = [[_shown(cell) for cell in row] for row in rows]
    numeric = [
        bool(rows) and all(isinstance(row[at], int | float | None) for row in rows)
        for at in range(len(head))
    ]
    widths = [max(len(each) for each in column) for column in zip(head, *cells, strict=True)]
    for row in [list(head), *cells]:
        parts = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numeric, strict=True)
        ]
        click.echo("  ".join(parts).rstrip())


def _shown(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case int():
            return f"{cell:,}"
        case float():
            return f"{cell:,.1f}"
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M}"
    # A name that somebody gave must not steer the terminal.
    return printable(str(cell))


def how_many(count: int, module: Module) -> str:
    """A number of records in words, as in “1 contact”."""
    return f"{count:,} {module.singular if count == 1 else module.label.lower()}"


def run_object(run: Run) -> dict[str, Any]:
    """What scripts are told about a run; `seconds` are from its start to its end, or to now."""
    progress = progress_of([run])[run.id]
    ended = run.finished_at or db.session.scalar(func.clock_timestamp())
    return {
        "id": run.id,
        "action": run.action,
        "module": run.module,
        "state": run.state,
        "total": run.total,
        "succeeded": progress.succeeded,
        "skipped": progress.skipped,
        "failed": progress.failed,
        "seconds": round((ended - run.created_at).total_seconds(), 3) if ended else None,
    }


def run_line(run: Run) -> str:
    """The same in one line for people."""
    told = run_object(run)
    module = get_module(run.module)
    many = how_many(told["total"], module)
    if item := getattr(REGISTRY.get(run.action), "item_label", ""):
        many = f"{told['total']:,} {item.lower()}{'' if told['total'] == 1 else 's'}"
    parts = [f"{told[outcome]:,} {outcome}" for outcome in ("succeeded", "skipped", "failed")]
    line = f"#{run.id} {run.name}: {run.state}, {many}: {', '.join(parts)}"
    return _shown(line + (f" in {told['seconds']:,.1f} s" if run.finished_at else ""))
