"""The schema: which migration a database is at, and which one this program was written for."""

from __future__ import annotations

from enum import Enum
from functools import cache

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from massadmin.paths import asset_dir


class State(Enum):
    """How a database stands to this program."""

    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"


class WrongSchema(RuntimeError):
    """The database cannot be used by this program as it is; the message says what to do."""


def revision(connection: Connection) -> str | None:
    """The migration the database is at; None when it was never migrated."""
    if not connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


@cache
def newest() -> str:
    """The migration that this program was written for."""
    return _scripts().get_current_head() or ""


def state(at: str | None) -> State:
    """How a database at migration `at` stands to this program."""
    if at is None:
        return State.EMPTY
    if at == newest():
        return State.CURRENT
    return State.BEHIND if at in _known() else State.AHEAD


def pending(at: str | None) -> list[str]:
    """The migrations that a database at `at` still needs, oldest first; none when it is ahead."""
    if state(at) is State.AHEAD:
        return []
    newer = [each.revision for each in _scripts().iterate_revisions(newest(), at or "base")]
    return list(reversed(newer))


def check(at: str | None) -> None:
    """Whether this program can work with a database at migration `at`.

    Raises:
        WrongSchema: it cannot.
    """
    match state(at):
        case State.EMPTY:
            raise WrongSchema("the database has no tables yet: run `massadmin migrate`")
        case State.BEHIND:
            raise WrongSchema(
                f"the database is at migration {at} and this program needs {newest()}: "
                "run `massadmin migrate`"
            )
        case State.AHEAD:
            raise WrongSchema(
                f"the database is at migration {at}, which a newer massadmin made: "
                "update this program"
            )


@cache
def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(asset_dir("migrations")).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


@cache
def _known() -> frozenset[str]:
    return frozenset(each.revision for each in _scripts().walk_revisions())
