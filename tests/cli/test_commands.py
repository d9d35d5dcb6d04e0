"""The commands as a whole: help that tells the truth, refusals without tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from massadmin.cli import COMMANDS, main
from massadmin.cli.refusals import LONGEST
from tests.cli.conftest import Shell

NOWHERE = "postgresql://massadmin@127.0.0.1:1/nothing"


def every_command(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, name
            yield name, command
            if isinstance(command, click.Group):
                yield from ((f"{name} {each}", found) for each, found in every_command(command))


def test_every_command_and_option_explains_itself() -> None:
    for name, command in every_command(main):
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                named = " ".join(parameter.opts)
                told = (
                    parameter.help or parameter.metavar or isinstance(parameter.type, click.Choice)
                )
                assert told or parameter.show_default, f"{name} {named}"


def test_help_lists_every_command(shell: Shell) -> None:
    said = shell("--help")
    assert said.status == 0
    listed = said.out.partition("Commands:")[2]
    for name, (_, words) in COMMANDS.items():
        assert f"  {name} " in listed
        assert words.split()[0] in listed


def test_the_version_is_told(shell: Shell) -> None:
    assert shell("--version").status == 0


@pytest.mark.parametrize("words", [("nosuch",), ("--nosuch",), ("runs", "nosuch")])
def test_unknown_words_are_wrong_usage(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell(*words).status == 2


def test_a_word_in_another_encoding_is_wrong_usage(shell: Shell) -> None:
    said = shell("count", "contacts", "--q", "M\udcfcller")
    assert said.status == 2
    assert "encoding of this terminal" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("x" * 100_000,),
        ("--" + "x" * 100_000,),
        ("runs", "x" * 100_000),
        ("runs", "--limit", "9" * 100_000),
        ("runs", "--as", "x" * 100_000),
        ("count", "contacts", "--match", "x" * 100_000),
        ("count", "\x1b[31m\u202e" * 9_000),
    ],
)
def test_what_was_given_is_not_read_out_at_length(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell(*words)
    assert said.status in (1, 2)
    assert len(said.err) < LONGEST + 300
    assert said.err.replace("\n", "").isprintable()


def test_a_long_refusal_keeps_what_to_do(shell: Shell) -> None:
    assert shell.refused("runs", "--as", "x" * 100_000).endswith("`massadmin user list` shows them")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk so full")
@pytest.mark.parametrize("buffered", ["", "1"])
def test_standard_output_that_is_full_is_one_line(buffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "massadmin.cli", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": buffered},
        )
    assert done.returncode == 1
    assert done.stderr == (
        "massadmin: standard output, or a file, cannot be written: No space left on device\n"
    )


def test_a_database_that_is_away_is_one_line(shell: Shell) -> None:
    refused = shell.refused("count", "contacts", DATABASE_URL=NOWHERE)
    assert "the database cannot be used" in refused
    assert "massadmin doctor" in refused


def test_a_queue_that_is_away_stops_no_command(shell: Shell) -> None:
    """The queue only carries tickets, and the clock rings again."""
    shell.json("seed", "--contacts", 5)
    said = shell(
        "run", "add_tags", "--module", "contacts", "--all", "--param", "tags=x", "--wait", "--json",
        REDIS_URL="redis://127.0.0.1:1/0",
    )  # fmt: skip
    assert (said.status, said.json["succeeded"]) == (0, 5)


def test_a_setting_that_cannot_be_used_is_one_line(shell: Shell) -> None:
    assert "MASSADMIN_PORT" in shell.refused("count", "contacts", MASSADMIN_PORT="eighty")
    assert "MASSADMIN_LOG_LEVEL" in shell.refused("count", "contacts", MASSADMIN_LOG_LEVEL="loud")
