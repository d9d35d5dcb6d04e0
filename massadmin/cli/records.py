"""`massadmin count` and `massadmin seed`."""

from __future__ import annotations

import sys
import time

import click
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.cli.console import acting_user, console
from massadmin.cli.options import as_option, filter_options, json_option
from massadmin.cli.output import print_json
from massadmin.cli.waiting import INTERRUPTED
from massadmin.extensions import db
from massadmin.records.filters import Condition, Query
from massadmin.records.listing import count_all
from massadmin.records.modules import get_module
from massadmin.records.seed import seed as add_contacts


@click.command()
@click.argument("module_key", metavar="MODULE")
@filter_options
@click.option("--trash", is_flag=True, help="Count in the trash.")
@as_option
@json_option
def count(
    module_key: str,
    conditions: tuple[Condition, ...],
    match: str,
    words: str,
    trash: bool,
    acting: str | None,
    as_json: bool,
) -> None:
    """Count the records of MODULE that match, exactly."""
    query = Query.build(conditions, match=match, q=words, trash=trash)
    with console():
        found = count_all(get_module(module_key), query, acting_user(acting))
    print_json({"count": found}) if as_json else click.echo(found)


@click.command()
@click.option("--contacts", type=click.IntRange(1, 100_000_000), required=True, metavar="N")
@click.option("--seed", "number", type=click.IntRange(0, 1_000_000), default=1, show_default=True)
@json_option
def seed(contacts: int, number: int, as_json: bool) -> None:
    """Add N believable contacts; the same ones for the same seed."""
    began = time.monotonic()
    with console():
        acting_user(None)  # an installation without users gets its first admin
        owners = select(User.id).where(User.active).order_by(User.role != "member", User.id)
        with click.progressbar(
            length=contacts, label="Contacts", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            done = 0

            def draw(made: int) -> None:
                nonlocal done
                bar.update(made - done)
                done = made

            try:
                add_contacts(
                    contacts,
                    seed=number,
                    owners=list(db.session.scalars(owners)),
                    on_progress=draw,
                )
            except KeyboardInterrupt:
                click.echo(f"\nInterrupted; {done:,} contacts were added.", err=True)
                raise click.exceptions.Exit(INTERRUPTED) from None
    seconds = time.monotonic() - began
    if as_json:
        print_json({"contacts": contacts, "seconds": round(seconds, 3)})
    else:
        click.echo(f"{contacts:,} contacts in {seconds:,.1f} s")
