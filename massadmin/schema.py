"""The schema: which migration a database is at, and which one this program was written for.

Read from the files of the migrations, because a start that finds nothing to do shall be quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any

from massadmin.paths import asset_dir

_NAMED = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)


class State(Enum):
    """How a database stands to this program."""

    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"


class WrongSchema(RuntimeError):
    """The database cannot be used by this program as it is; the message says what to do."""


@cache
def migrations() -> list[str]:
    """The migrations that this program knows, oldest first."""
    after: dict[str | None, str] = {}
    for path in (asset_dir("migrations") / "versions").glob("*.py"):
        named = {found[1]: found[2] for found in _NAMED.finditer(path.read_text())}
        after[named["down_revision"]] = named["revision"]
    order: list[str] = []
    while (following := after.get(order[-1] if order else None)) is not None:
        order.append(following)
    return order


def revision(scalar: Callable[[str], Any]) -> str | None:
    """The migration that a database is at; None when it was never migrated.

    `scalar` runs a statement there and answers its only value, or None.
    """
    if not scalar("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return None
    found = scalar("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)


def state(at: str | None) -> State:
    """How a database at migration `at` stands to this program."""
    if at is None:
        return State.EMPTY
    if at not in migrations():
        return State.AHEAD
    return State.CURRENT if at == migrations()[-1] else State.BEHIND


def pending(at: str | None) -> list[str]:
    """The migrations that a database at `at` still needs, oldest first; none when it is ahead."""
    if at is None:
        return migrations()
    return migrations()[migrations().index(at) + 1 :] if at in migrations() else []


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
                f"the database is at migration {at} and this program needs {migrations()[-1]}: "
                "run `massadmin migrate`"
            )
        case State.AHEAD:
            raise WrongSchema(
                f"the database is at migration {at}, which a newer massadmin made: "
                "update this program"
            )
