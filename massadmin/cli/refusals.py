"""Refusals: what a command cannot or must not do, as one line on standard error and status 1."""

from __future__ import annotations

import errno
import os
import sys
from typing import IO, Any

import click

# More than any sentence of ours has. What somebody gave may be as long as a book.
LONGEST = 1_000  # characters


class Refusal(click.ClickException):
    """A command that was refused; the message says why and what to do, in one line."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo("massadmin: " + " ".join(self.message.split()), file=file, err=True)


def printable(words: str) -> str:
    """`words` without what would steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in words)


def readable(message: str) -> str:
    """`message` in one line; of a long one the start, which names the thing, and the end, which
    says what to do."""
    line = printable(message)
    half = LONGEST // 2
    return line if len(line) <= LONGEST else f"{line[:half]} … {line[-half:]}"


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that `error` amounts to; None when it is a fault of the program."""
    # Imported here, because `massadmin up` needs little of all this.
    import psycopg
    from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction
    from redis.exceptions import RedisError
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, _plain()):
        return Refusal(str(error))
    if isinstance(error, RedisError):
        return Refusal(f"the queue cannot be used: {error}. `massadmin doctor` says more.")
    cause = getattr(error, "orig", None) or error
    unusable = (psycopg.OperationalError, InsufficientPrivilege, ReadOnlySqlTransaction)
    if isinstance(error, OperationalError | InterfaceError) or isinstance(cause, unusable):
        said = str(cause).strip().splitlines() or [type(cause).__name__]
        return Refusal(f"the database cannot be used: {said[0]}. `massadmin doctor` says more.")
    if isinstance(error, UnicodeEncodeError):
        return Refusal("what was given is not written in UTF-8")
    if isinstance(error, OSError) and error.filename:
        return Refusal(f"{error.filename}: {error.strerror}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        _drop_what_is_unsaid()
        return Refusal(f"standard output, or a file, cannot be written: {error.strerror}")
    return None


def _drop_what_is_unsaid() -> None:
    """Have nothing wait for standard output that it does not take: Python would fail over it once
    more as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
