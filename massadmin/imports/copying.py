"""COPY: many rows to the database in one stream, on the session's own connection."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.cursor import Cursor
from sqlalchemy.exc import OperationalError

from massadmin.extensions import db

NULL = "\\N"
# With `DEFAULT` set to it, the column's default is taken.
DEFAULT = "\\D"

_SPECIAL = ("\\", "\t", "\n", "\r")
_BETWEEN = "\x1f"


@contextmanager
def copying(statement: str) -> Iterator[Any]:
    """A psycopg `Copy` to write to.

    Raises:
        OperationalError: SQLAlchemy's, as any other statement of the session would.
    """
    try:
        with cursor() as open_cursor, open_cursor.copy(statement) as copy:
            yield copy
    except psycopg.OperationalError as error:
        raise OperationalError(statement, None, error) from error


def cursor() -> Cursor[tuple[Any, ...]]:
    """A cursor of the driver, in the session's transaction."""
    connection = db.session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection.cursor()


def texts(values: Sequence[str | None]) -> list[str]:
    """A column of text as COPY takes it; most hold nothing to escape, which is seen at once."""
    written = [NULL if value is None else value for value in values]
    joined = _BETWEEN.join(filter(None, values))
    if any(sign in joined for sign in _SPECIAL):
        return [NULL if value is None else escaped(value) for value in values]
    return written


def escaped(value: str) -> str:
    """One text as COPY takes it."""
    return (
        value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    )


def array(numbers: Collection[int]) -> str:
    """Numbers as an array, as COPY takes it."""
    return "{" + ",".join(map(str, numbers)) + "}" if numbers else "{}"


def lines(columns: Sequence[Sequence[str]]) -> str:
    """Columns of equal length, as the lines of COPY."""
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"
