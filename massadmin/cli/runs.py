"""`massadmin runs`: the history, and what can be done to a run."""

from __future__ import annotations

from typing import Any

import click

from massadmin.auth.models import User
from massadmin.cli import waiting
from massadmin.cli.console import acting_user, console, known_user, settings_now
from massadmin.cli.options import as_option, id_type, json_option
from massadmin.cli.output import print_json, print_table, run_line, run_object
from massadmin.cli.refusals import Refusal
from massadmin.cli.run import report
from massadmin.extensions import db
from massadmin.records.modules import get_module
from massadmin.runs import start
from massadmin.runs.action import REGISTRY
from massadmin.runs.control import control, find_run, may_control
from massadmin.runs.history import History, list_runs
from massadmin.runs.models import Run
from massadmin.runs.progress import batches_of, progress_of
from massadmin.runs.results import reasons_told

wait_option = click.option("--wait", is_flag=True, help="Return when the run has ended.")
id_argument = click.argument("run_id", metavar="ID", type=id_type)


class _Runs(click.Group):
    """`massadmin runs 7` is `massadmin runs show 7`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0].isdecimal():
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Runs, invoke_without_command=True)
@click.option("--status", default="", help="A state, or `active`, or `with_errors`.")
@click.option("--type", "action", default="", metavar="ACTION", help="Such as add_tags.")
@click.option("--user", default="", metavar="EMAIL", help="Who started it.")
@click.option("--since", default="", metavar="DATE", help="Started on this day or later.")
@click.option("--until", default="", metavar="DATE", help="Started on this day or earlier.")
@click.option("--text", default="", help="Words in its name, or its number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_option
@json_option
@click.pass_context
def runs(
    ctx: click.Context,
    status: str,
    action: str,
    user: str,
    since: str,
    until: str,
    text: str,
    limit: int,
    acting: str | None,
    as_json: bool,
) -> None:
    """List bulk actions, the newest first, or see to one of them."""
    if ctx.invoked_subcommand is not None:
        return
    asked = {"from": since, "to": until, "status": status, "type": action, "user": user, "q": text}
    history = History.from_args(asked)
    with console():
        if action and action not in REGISTRY:
            raise Refusal(f"there is no action “{action}”; there are {', '.join(sorted(REGISTRY))}")
        if "@" in user:
            known_user(user)
        found = list_runs(history, acting_user(acting), size=limit).rows
        told = [run_object(run) for run in found]
        if as_json:
            names = ({"name": run.name, "created_at": run.created_at} for run in found)
            print_json({"runs": [each | name for each, name in zip(told, names, strict=True)]})
            return
        outcomes = ("succeeded", "skipped", "failed", "total")
        print_table(
            ("id", "started", "state", *outcomes, "name"),
            [
                (str(run.id), run.created_at, run.state, *(each[key] for key in outcomes), run.name)
                for run, each in zip(found, told, strict=True)
            ],
        )


@runs.command()
@id_argument
@wait_option
@as_option
@json_option
def show(run_id: int, wait: bool, acting: str | None, as_json: bool) -> None:
    """Say how a run stands; --wait watches it, and does the work if nobody else does."""
    with console():
        user = acting_user(acting)
        run = _found(run_id, user)
        if wait:
            run = waiting.wait_for(run.id)
        _print_details(run, user, as_json)
        raise click.exceptions.Exit(waiting.exit_status(run) if wait else 0)


@runs.command()
@id_argument
@as_option
@json_option
def pause(run_id: int, acting: str | None, as_json: bool) -> None:
    """Let a run stop after the chunk at hand."""
    _control(run_id, "pause", acting, wait=False, as_json=as_json)


@runs.command()
@id_argument
@wait_option
@as_option
@json_option
def resume(run_id: int, wait: bool, acting: str | None, as_json: bool) -> None:
    """Let a run that stands still go on."""
    _control(run_id, "resume", acting, wait=wait, as_json=as_json)


@runs.command()
@id_argument
@as_option
@json_option
def cancel(run_id: int, acting: str | None, as_json: bool) -> None:
    """End a run early; what was done stays done, and can be undone."""
    _control(run_id, "cancel", acting, wait=False, as_json=as_json)


@runs.command()
@id_argument
@wait_option
@as_option
@json_option
def undo(run_id: int, wait: bool, acting: str | None, as_json: bool) -> None:
    """Take back what a run did, by a new run."""
    _follow_up(start.undo, run_id, acting, wait, as_json)


@runs.command()
@id_argument
@wait_option
@as_option
@json_option
def retry(run_id: int, wait: bool, acting: str | None, as_json: bool) -> None:
    """Do it again to the records that failed, by a new run."""
    _follow_up(start.retry, run_id, acting, wait, as_json)


def _found(run_id: int, user: User) -> Run:
    run = find_run(run_id, user)
    if run is None:
        raise Refusal(f"there is no run {run_id}; `massadmin runs` lists them")
    return run


def _control(run_id: int, verb: str, acting: str | None, *, wait: bool, as_json: bool) -> None:
    with console():
        user = acting_user(acting)
        control(_found(run_id, user), verb, user)
        if wait:
            report(waiting.fresh(run_id), wait=True, as_json=as_json)
        run = waiting.fresh(run_id)
        print_json(run_object(run)) if as_json else click.echo(run_line(run))


def _follow_up(begin: Any, run_id: int, acting: str | None, wait: bool, as_json: bool) -> None:
    """Start the run that `begin`, undo or retry, makes of this one."""
    with console():
        user = acting_user(acting)
        run = _found(run_id, user)
        if not may_control(run, user):
            raise Refusal("only who started a bulk action, a manager or an admin can do that")
        made = begin(run, get_module(run.module), user, largest_chunk=settings_now().chunk_size)
        report(made, wait=wait, as_json=as_json)


def _reasons(run: Run, user: User) -> list[tuple[str, str, int]]:
    """Every result by its reason: (outcome, reason, count), plain successes without one first."""
    told = reasons_told(run, get_module(run.module), user)
    plain = progress_of([run])[run.id].succeeded
    plain -= sum(count for outcome, _, count in told if outcome == "succeeded")
    return [("succeeded", "", plain), *told] if plain > 0 else told


def _print_details(run: Run, user: User, as_json: bool) -> None:
    reasons, batches = _reasons(run, user), batches_of(run.id)
    db.session.rollback()
    if as_json:
        print_json(
            run_object(run)
            | {
                "name": run.name,
                "created_at": run.created_at,
                "error": run.error,
                "reasons": [
                    {"outcome": outcome, "reason": reason, "count": count}
                    for outcome, reason, count in reasons
                ],
                "batches": [
                    {"batch": each.batch, "size": each.size, "done": each.done, "due": each.due_at}
                    for each in batches
                ],
            }
        )
        return
    click.echo(run_line(run))
    if run.error:
        click.echo(f"  {run.error}")
    for outcome, reason, count in reasons:
        click.echo(f"  {count:,} {outcome}" + (f": {reason}" if reason else ""))
    if len(batches) > 1:
        print_table(
            ("batch", "done", "size", "due"),
            [(each.batch, each.done, each.size, each.due_at) for each in batches],
        )
