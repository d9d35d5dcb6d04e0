"""`massadmin run`: start a bulk action, and wait for it if asked to."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, SelectMultipleField

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.cli import waiting
from massadmin.cli.console import acting_user, console, settings_now
from massadmin.cli.options import (
    Numbers,
    Pair,
    as_option,
    audience_of,
    filter_options,
    id_type,
    json_option,
    pairs,
)
from massadmin.cli.output import how_many, print_json, print_table, run_line, run_object
from massadmin.cli.refusals import Refusal
from massadmin.exports.keeping import file_of
from massadmin.extensions import db
from massadmin.records.filters import Condition
from massadmin.records.modules import Module, get_module
from massadmin.records.values import FALSE_WORDS, TRUE_WORDS
from massadmin.runs.action import Action, get_action
from massadmin.runs.models import Run
from massadmin.runs.preview import Preview, preview
from massadmin.runs.start import start

# What has a command of its own, because it needs more than records and settings.
ELSEWHERE = {"undo": "massadmin runs undo ID", "import": "massadmin import MODULE FILE"}


@click.command()
@click.argument("action", metavar="ACTION")
@click.option("--module", "module_key", required=True, help="The kind of record: contacts.")
@filter_options
@click.option("--ids", type=Numbers(), metavar="1,2,3", help="The records, instead of a filter.")
@click.option("--all", "everything", is_flag=True, help="All records of the module.")
@click.option(
    "--run", "deleted_run", type=id_type, metavar="ID", help="In the trash: what that run deleted."
)
@click.option(
    "--param",
    "params",
    type=Pair(),
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the action: tags=vip,2026, set.city=Oslo, clear=phone.",
)
@click.option("--name", default="", help="What the run is called in the history.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--wait", is_flag=True, help="Return when the run has ended.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to put the file of an export; waits for it.",
)
@as_option
@json_option
def run(
    action: str,
    module_key: str,
    conditions: tuple[Condition, ...],
    match: str,
    words: str,
    ids: list[int] | None,
    everything: bool,
    deleted_run: int | None,
    params: tuple[tuple[str, str], ...],
    name: str,
    dry_run: bool,
    wait: bool,
    output: Path | None,
    acting: str | None,
    as_json: bool,
) -> None:
    """Start ACTION on the records that match.

    \b
    massadmin run add_tags --module contacts -f status:is:Lead --param tags=vip,2026 --wait
    massadmin run update_fields --module contacts --ids 1,2 --param set.city=Oslo --dry-run
    massadmin run delete --module contacts -f status:is:Inactive --param confirm=DELETE
    """
    with console():
        module = get_module(module_key)
        found = get_action(action, module)
        if action in ELSEWHERE:
            raise Refusal(f"{found.label} is started with `{ELSEWHERE[action]}`")
        makes_file = hasattr(found, "download_endpoint")
        if output is not None:
            if not makes_file:
                raise click.UsageError(f"{action} makes no file for --output.")
            # Said now, not after a long export.
            if output.is_dir():
                raise click.UsageError("--output takes the name of a file.")
            if not os.access(output.absolute().parent, os.W_OK | os.X_OK):
                raise Refusal(f"no file can be made in {output.absolute().parent} for --output")
        user = acting_user(acting)
        audience = audience_of(
            module,
            user,
            conditions=conditions,
            match=match,
            words=words,
            ids=ids,
            # Taking everything by silence is harmless only where nothing is changed.
            everything=everything or (makes_file and ids is None and not conditions),
            trash=found.trash,
            deleted_run=deleted_run,
        )
        data = form_data(found, pairs(params), module, user, confirmed=dry_run)
        settings = found.params(data, module, user)
        if dry_run:
            print_preview(found, module, preview(found, module, audience, settings, user), as_json)
            return
        started = start(
            found,
            module,
            audience,
            settings,
            user,
            largest_chunk=settings_now().chunk_size,
            name=name,
        )
        report(started, wait=wait or output is not None, as_json=as_json, output=output)


def report(run: Run, *, wait: bool, as_json: bool, output: Path | None = None) -> None:
    """Say what became of a run that was just started, and exit with the status that tells it."""
    status = 0
    if wait:
        run = waiting.wait_for(run.id)
    else:
        waiting.hint_if_nobody_works()
    told = run_object(run)
    if output is not None and run.state == "completed":
        _fetch(run, output)
        told["output"] = str(output)
    print_json(told) if as_json else click.echo(run_line(run))
    if wait:
        status = waiting.exit_status(run)
    raise click.exceptions.Exit(status)


def form_data(
    action: Action,
    given: MultiDict[str, str],
    module: Module,
    user: User,
    *,
    confirmed: bool = False,
) -> MultiDict[str, str]:
    """What a browser would send for these settings: a box that nobody mentioned keeps its
    default, and “no” means that it is not ticked.

    `confirmed` gives the word that the action asks for, as a preview needs it.

    Raises:
        Refusal: the action has no such setting.
    """
    form = action.form(None, module, user)
    known = action.setting_names(form)
    for name in given:
        # What nobody reads is most likely misspelt, and then the run would do something else.
        if not any(_is_named(name, each) for each in known):
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise Refusal(f"{action.key} has no setting “{name[:60]}”; {takes}")
    data = given.copy()
    for key, field in form._fields.items():
        if isinstance(field, BooleanField):
            word = (data.get(key) or "").strip().lower()
            if word in FALSE_WORDS:
                data.poplist(key)
            elif key in data and word not in TRUE_WORDS:
                raise Refusal(f"{key}={word[:60]!r} takes yes or no")
            elif key not in data and field.data:
                data[key] = "yes"
        elif isinstance(field, SelectMultipleField) and key not in data:
            data.setlist(key, [str(each) for each in field.data or []])
    if confirmed and action.confirm_word:
        data.setdefault("confirm", action.confirm_word)
    return data


def _is_named(name: str, known: str) -> bool:
    """Whether `name` is `known`, in which FIELD stands for any field."""
    start, stands_for_any, _ = known.partition("FIELD")
    return name.startswith(start) and name != start if stands_for_any else name == known


def _fetch(run: Run, output: Path) -> None:
    """Copy the file that the run made, and note in the audit log that it was taken."""
    made = file_of(run)
    if made is None:
        raise Refusal(f"the file of run {run.id} is not kept any more")
    try:
        # A pipe is as good as a file.
        with made.open("rb") as source, output.open("wb") as target:
            shutil.copyfileobj(source, target)
    except OSError as error:
        raise Refusal(
            f"{output} cannot be written: {error.strerror}; the page of run {run.id} has the file"
        ) from error
    audit.record(
        "export.downloaded",
        user=db.session.get(User, run.user_id),
        subject=f"run:{run.id}",
        details={"to": str(output.resolve())},
    )
    db.session.commit()


def print_preview(action: Action, module: Module, found: Preview, as_json: bool) -> None:
    """What a dry run found."""
    told: dict[str, Any] = {
        "action": action.key,
        "module": module.key,
        "dry_run": True,
        "total": found.total,
        "sampled": found.sampled,
        **found.tally,
        "reasons": [
            {"outcome": outcome, "reason": reason, "count": count}
            for outcome, reason, count in found.reasons
        ],
        "changes": [asdict(change) for change in found.changes],
    }
    if as_json:
        print_json(told)
        return
    sample = "" if found.sampled == found.total else f"; of the first {found.sampled:,}"
    tally = ", ".join(
        f"{found.tally[outcome]:,} {outcome}" for outcome in ("succeeded", "skipped", "failed")
    )
    words = action.summary(found.params, module)
    click.echo("A dry run, nothing is changed. This would happen:")
    click.echo(f"{words}: {how_many(found.total, module)}{sample}: {tally}")
    for outcome, reason, count in found.reasons:
        click.echo(f"  {count:,} {outcome}: {reason}")
    rows = [
        (change.record_id or change.item, change.outcome, key, _old(change.before, key), value)
        for change in found.changes
        for key, value in change.after.items()
        if change.before.get(key) != value
    ]
    if rows:
        print_table(("record", "outcome", "field", "before", "after"), rows)


def _old(before: dict[str, Any], key: str) -> Any:
    return "" if before.get(key) is None else str(before[key])
