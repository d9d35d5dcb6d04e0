"""The command line. Each command is imported when it is called, so that help is quick."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from massadmin.cli.refusals import readable, refusal_of

# name: (module and object, what help says in one line)
COMMANDS = {
    "up": ("serving:up", "Run everything on this machine until Ctrl-C."),
    "web": ("serving:web", "Run the web server alone."),
    "worker": ("serving:worker", "Run one worker."),
    "clock": ("serving:clock", "Run one clock."),
    "run": ("run:run", "Start a bulk action."),
    "runs": ("runs:runs", "List bulk actions, and show, pause, resume, cancel, undo, retry them."),
    "count": ("records:count", "Count the records that match a filter."),
    "import": ("import_file:import_file", "Import a CSV, TSV or XLSX file."),
    "seed": ("records:seed", "Add believable contacts."),
    "user": ("people:user", "Add and change users."),
    "migrate": ("upkeep:migrate", "Bring the database to the newest migration."),
    "doctor": ("upkeep:doctor", "Say what is used, whether it works, and what to do if not."),
    "bench": ("bench:bench", "Measure bulk actions against bare SQL."),
}


class _Commands(click.Group):
    """The commands, and the one line that each refusal becomes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for each in args:
            try:
                each.encode()
            except UnicodeEncodeError:
                # No field of the database could hold it, nor find it.
                ctx.fail(f"{each[:60]!a} is not written in the encoding of this terminal.")
        with _refused():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _refused():
            return super().invoke(ctx)


@contextmanager
def _refused() -> Iterator[None]:
    """Have what goes wrong in the block said in one line that can be read."""
    try:
        yield
    except click.ClickException as error:
        # What click says of wrong usage repeats what was given, whatever that was.
        vars(error)["message"] = readable(error.message)
        raise
    except (click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def _version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked:
        from massadmin.doctor import installed

        click.echo(installed())
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
def main() -> None:
    """Bulk actions on CRM records: previewed, explained per record, reversible.

    Exit status: 0 done, 1 refused, 2 wrong usage, 3 done but some records failed,
    130 when Ctrl-C ended the waiting.
    """
