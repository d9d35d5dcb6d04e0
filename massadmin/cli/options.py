"""Options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.cli.refusals import Refusal
from massadmin.records.filters import BadFilter, Condition, Query
from massadmin.records.modules import Module
from massadmin.records.values import whole_number
from massadmin.runs.audience import Audience, of_ids, of_query

Command = TypeVar("Command", bound=Callable[..., Any])

id_type = click.IntRange(1, 2**63 - 1)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
as_option = click.option(
    "--as", "acting", metavar="EMAIL", help="The user who does it. [default: the first admin]"
)


def _conditions(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> tuple[Condition, ...]:
    try:
        return tuple(Condition.from_text(each) for each in given)
    except BadFilter as error:
        raise click.BadParameter(str(error)) from error


def filter_options(command: Command) -> Command:
    """`-f`, `--match`, `--q`: the arguments `conditions`, `match` and `words`."""
    for option in (
        click.option("--q", "words", default="", help="Words that must be found in the record."),
        click.option(
            "--match",
            type=click.Choice(["all", "any"]),
            default="all",
            help="Whether all conditions must hold, or any. [default: all]",
        ),
        click.option(
            "-f",
            "--filter",
            "conditions",
            multiple=True,
            callback=_conditions,
            metavar="FIELD:OP:VALUE",
            help="A condition, as in the address of a list: status:is:Lead, tags:has:vip.",
        ),
    ):
        command = option(command)
    return command


class Numbers(click.ParamType[list[int]]):
    """Ids, separated by commas."""

    name = "ids"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        if isinstance(value, list):
            return value
        found: set[int] = set()
        for part in filter(None, map(str.strip, value.split(","))):
            known = whole_number(part)
            if known is None:
                self.fail(f"{part[:40]!r} is no id; write them as 1,2,3", param, ctx)
            found.add(known)
        if not found:
            self.fail(f"{value!r} is no id; write them as 1,2,3", param, ctx)
        return sorted(found)


class Pair(click.ParamType[tuple[str, str]]):
    """`name=value`; the value may hold further equal signs."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, rest = value.partition("=")
        if not equals or not name.strip():
            self.fail(f"{value!r} is not of the form name=value", param, ctx)
        return name.strip(), rest


def pairs(given: tuple[tuple[str, str], ...]) -> MultiDict[str, str]:
    """Repeated `name=value` options as a form has them."""
    return MultiDict(list(given))


def audience_of(
    module: Module,
    user: User,
    *,
    conditions: tuple[Condition, ...],
    match: str,
    words: str,
    ids: list[int] | None,
    everything: bool,
    trash: bool,
    deleted_run: int | None,
) -> Audience:
    """Whom a command is about.

    Raises:
        click.UsageError: ids and a filter were given.
        Refusal: neither was, and not `everything` was asked for.
    """
    filtered = bool(conditions or words.strip() or deleted_run is not None)
    if ids is not None:
        if filtered or everything:
            raise click.UsageError("Give either --ids, or a filter, or --all.")
        audience = of_ids(ids, module, user, trash=trash)
        missing = len(ids) - audience.count()
        if missing:
            where = "in the trash" if trash else f"among the {module.label.lower()}"
            click.echo(f"Not {where}: {missing:,} of {len(ids):,} ids.", err=True)
        return audience
    if deleted_run is not None and not trash:
        raise click.UsageError("--run is for actions on the trash, such as restore.")
    if conditions and everything:
        raise click.UsageError("Give either a filter or --all.")
    if not filtered and not everything:
        raise Refusal(
            f"nothing says which {module.label.lower()}: give -f, --q or --ids, or --all for all"
        )
    query = Query.build(conditions, match=match, q=words, trash=trash, deleted_run=deleted_run)
    return of_query(query, module, user)
