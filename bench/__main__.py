"""`python -m bench`: all measures, or those named by --only; a line of progress for each."""

from __future__ import annotations

import importlib
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from bench.machine import facts
from bench.measuring import REGISTRY, Bench, Row, forget_runs
from bench.table import RESULTS, lines_of
from bench.warming import warm
from massadmin.cli.aside import app_aside, bench_user
from massadmin.records.seed import seed

FAMILIES = ("writes", "frameworks", "files", "lists", "web", "queue", "memory", "crowd")


@click.command()
@click.option("-n", "--contacts", type=click.IntRange(1_000, 10_000_000), default=1_000_000)
@click.option("--repeat", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--only", multiple=True, metavar="NAME", help="Only this measure; may be repeated.")
@click.option("--list", "listing", is_flag=True, help="Say which measures there are.")
def main(contacts: int, repeat: int, only: tuple[str, ...], listing: bool) -> None:
    """Measure, and write bench/results.json; with --only, say it and write nothing."""
    for family in FAMILIES:
        importlib.import_module(f"bench.{family}")
    if listing:
        for each in REGISTRY.values():
            click.echo(f"{each.key:20} {each.about}")
        return
    unknown = [name for name in only if name not in REGISTRY]
    if unknown:
        raise click.UsageError(f"There is no measure {unknown[0]}; --list says which there are.")
    began = time.monotonic()
    found: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="massadmin-bench-") as folder,
        app_aside(files_dir=Path(folder)) as app,
    ):
        given = Bench(app, bench_user().id, contacts, repeat, Path(folder))
        machine = facts(contacts, repeat)
        with _progress("contacts"):
            seed(contacts)
        with _progress("warming up"):
            warm(given)
        for key, each in REGISTRY.items():
            if only and key not in only:
                continue
            with _progress(key):
                forget_runs()
                rows = each.run(given)
            click.echo("\n".join(lines_of([asdict(row) for row in rows])[2:]))
            found += rows
    click.echo(f"{time.monotonic() - began:.0f} s", err=True)
    if not only:
        told = {"machine": machine, "results": [asdict(row) for row in found]}
        RESULTS.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """A line that says what goes on, and in the end how long it took."""
    began = time.monotonic()
    click.echo(f"{what:20} ", nl=False, err=True)
    yield
    click.echo(f" {time.monotonic() - began:.0f} s", err=True)


if __name__ == "__main__":
    main()
