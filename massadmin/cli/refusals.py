"""Refusals: what a command cannot or must not do, as one line on standard error and status 1."""

from __future__ import annotations

from typing import IO, Any

import click


class Refusal(click.ClickException):
    """A command that was refused; the message says why and what to do, in one line."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo("massadmin: " + " ".join(self.message.split()), file=file, err=True)


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that `error` amounts to; None when it is a fault of the program."""
    # Imported here, because `massadmin up` needs little of all this.
    from redis.exceptions import RedisError
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, _plain()):
        return Refusal(str(error))
    if isinstance(error, RedisError):
        return Refusal(f"the queue cannot be used: {error}. `massadmin doctor` says more.")
    if isinstance(error, OperationalError | InterfaceError):
        said = str(error.orig or error).strip().splitlines() or [type(error).__name__]
        return Refusal(f"the database cannot be used: {said[0]}. `massadmin doctor` says more.")
    if isinstance(error, UnicodeEncodeError):
        return Refusal("what was given is not written in UTF-8")
    if isinstance(error, OSError) and error.filename:
        return Refusal(f"{error.filename}: {error.strerror}")
    return None


def _plain() -> tuple[type[Exception], ...]:
    """The errors whose messages are written for people."""
    from massadmin.auth import people
    from massadmin.config import BadSetting
    from massadmin.imports import BadMapping, BadPolicy
    from massadmin.records.custom_fields import BadField
    from massadmin.records.filters import BadFilter
    from massadmin.records.modules import UnknownField, UnknownModule
    from massadmin.runs.action import BadParams, UnknownAction
    from massadmin.runs.start import Refused
    from massadmin.runs.states import IllegalMove
    from massadmin.schema import WrongSchema
    from massadmin.tabular import BadFile

    return (
        *(BadField, BadFile, BadFilter, BadMapping, BadParams, BadPolicy, BadSetting),
        *(IllegalMove, Refused, UnknownAction, UnknownField, UnknownModule, WrongSchema),
        people.Refused,
    )
