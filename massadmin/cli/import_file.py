"""`massadmin import`: a file into records, in one go."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import click

from massadmin import imports
from massadmin.auth.models import User
from massadmin.cli import waiting
from massadmin.cli.console import acting_user, console, settings_now
from massadmin.cli.options import Pair, as_option, json_option
from massadmin.cli.output import print_json, run_line
from massadmin.cli.refusals import Refusal
from massadmin.cli.run import print_preview
from massadmin.imports import ImportFile, Policy
from massadmin.records.modules import Module, get_module
from massadmin.runs.action import get_action
from massadmin.runs.models import Run


@click.command("import")
@click.argument("module_key", metavar="MODULE")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--match",
    type=click.Choice(["email", "phone", "id", "none"]),
    help="The field that tells who is who. [default: email if the file has it, else none]",
)
@click.option(
    "--on-match",
    type=click.Choice(["update", "skip", "create"]),
    default="update",
    show_default=True,
    help="What happens to a row whose record exists.",
)
@click.option("--no-create", is_flag=True, help="Skip rows without a record to match.")
@click.option(
    "--empty",
    type=click.Choice(["keep", "clear"]),
    default="keep",
    show_default=True,
    help="What an empty cell does to the record's value.",
)
@click.option(
    "--map",
    "maps",
    type=Pair(),
    multiple=True,
    metavar="HEADER=FIELD",
    help="Where a column goes, if the guess is wrong; HEADER= leaves it out.",
)
@click.option("--country", metavar="US", help="Country of phone numbers without a country code.")
@click.option("--tags", default="", help="Tags for every record of the file.")
@click.option("--no-header", is_flag=True, help="The first line is a record.")
@click.option("--encoding", help="[default: detected]")
@click.option("--delimiter", help="[default: detected]")
@click.option("--sheet", help="The sheet of a workbook. [default: the first with rows]")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where rows with errors are written. [default: FILE.errors.csv in this folder]",
)
@click.option("--name", default="", help="What the run is called in the history.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@as_option
@json_option
def import_file(
    module_key: str,
    file: Path,
    match: str | None,
    on_match: str,
    no_create: bool,
    empty: str,
    maps: tuple[tuple[str, str], ...],
    country: str | None,
    tags: str,
    no_header: bool,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    errors: Path | None,
    name: str,
    dry_run: bool,
    acting: str | None,
    as_json: bool,
) -> None:
    """Import FILE (CSV, TSV or XLSX) into MODULE and wait for it.

    \b
    massadmin import contacts people.csv --match email --on-match update
    massadmin import contacts people.xlsx --map "E-mail 1 - Value=email" --country US
    """
    with console():
        module = get_module(module_key)
        user = acting_user(acting)
        with _seekable(file) as source:
            staged = imports.stage(
                source,
                file.name,
                module,
                user,
                limits=imports.limits_of(settings_now()),
                encoding=encoding,
                delimiter={"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter),
                has_header=False if no_header else None,
                sheet=sheet,
            )
        if maps:
            imports.assign(staged, module, user, dict(maps))
        policy = imports.default_policy(staged.mapping)
        if match == "none":
            policy = replace(policy, match=None)
        elif match is not None:
            if match not in staged.mapping:
                label = module.field(match).label
                raise Refusal(
                    f"no column is mapped to {label}, so no row could match: name one with "
                    f"--map HEADER={match}, or import every row as a new record with --match none"
                )
            policy = replace(policy, match=match)
        policy = replace(
            policy,
            on_match=on_match,
            unmatched="skip" if no_create else "create",
            empty=empty,
            country=country,
            tags=tuple(tags.split(",")) if tags else (),
        )
        for warning in imports.warnings(module, staged.mapping, policy):
            click.echo(warning, err=True)
        if dry_run:
            found = imports.preview(staged, module, policy, user)
            print_preview(get_action("import"), module, found, as_json)
        elif staged.rows == 0:
            _print(None, None, as_json)
        else:
            errors = errors or Path(f"{file.stem}.errors.csv")
            _import(staged, module, policy, user, errors, name, as_json)


def _import(
    staged: ImportFile,
    module: Module,
    policy: Policy,
    user: User,
    errors: Path,
    name: str,
    as_json: bool,
) -> None:
    started = imports.start(
        staged, module, policy, user, largest_chunk=settings_now().chunk_size, name=name
    )
    run = waiting.wait_for(started.id)
    _print(run, _write_errors(run, errors), as_json)
    raise click.exceptions.Exit(waiting.exit_status(run))


def _write_errors(run: Run, path: Path) -> Path | None:
    """The file with the rows to look at again; None when there are none."""
    try:
        return path if imports.write_errors(run, path) else None
    except OSError as error:
        click.echo(f"The rows with errors could not be written to {path}: {error}", err=True)
        return None


@contextmanager
def _seekable(file: Path) -> Iterator[Path | BinaryIO]:
    """The file, or a copy of what comes out of a pipe: it is gone through several times."""
    if not file.is_fifo():
        yield file
        return
    with file.open("rb") as pipe, tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(pipe, copy)
        copy.seek(0)
        yield copy


def _print(run: Run | None, errors: Path | None, as_json: bool) -> None:
    found = imports.outcome(run) if run else imports.Outcome(0, 0, 0, 0, 0, 0)
    told: dict[str, Any] = {
        "rows": found.rows,
        "created": found.created,
        "updated": found.updated,
        "skipped": found.skipped,
        "failed": found.failed,
        "errors_file": str(errors) if errors else None,
        "run": run.id if run else None,
    }
    if as_json:
        print_json(told)
        return
    if run is not None:
        click.echo(run_line(run))
    counts = (f"{told[key]:,} {key}" for key in ("created", "updated", "skipped", "failed"))
    click.echo(f"{found.rows:,} rows: {', '.join(counts)}")
    if errors:
        click.echo(f"Rows to look at again are in {errors}")
