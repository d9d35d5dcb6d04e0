"""`massadmin migrate` and `massadmin doctor`."""

from __future__ import annotations

import click

from massadmin import doctor as examination
from massadmin import logs
from massadmin.cli.console import upgrade
from massadmin.cli.options import json_option
from massadmin.cli.output import print_json
from massadmin.config import Settings
from massadmin.embedded import services


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database to the newest migration. Stop other programs on it first."""
    logs.setup("warning")
    with services(Settings.from_env()) as settings:
        applied = upgrade(settings)
    if as_json:
        print_json({"applied": applied})
    elif applied:
        click.echo(f"Applied {', '.join(applied)}")
    else:
        click.echo("The database is at the newest migration.")


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is used, whether it works, and what to do about each fault.

    Exit status 1 means that there is a fault.
    """
    logs.setup("error")
    findings = examination.examine(Settings.from_env())
    healthy = all(each.well for each in findings)
    if as_json:
        print_json(
            {
                "ok": healthy,
                "checks": [
                    {"name": each.name, "ok": each.well, "found": each.found, "do": each.advice}
                    for each in findings
                ],
            }
        )
    else:
        for each in findings:
            mark = click.style(" ok  ", fg="green") if each.well else click.style("FAULT", fg="red")
            click.echo(f"{mark}  {each.name:<15} {each.found}")
            if each.advice:
                click.echo(f"{'':<23}-> {each.advice}")
    raise click.exceptions.Exit(0 if healthy else 1)
