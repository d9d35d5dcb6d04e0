"""Calling commands as a script would: by words, for an exit status and one JSON object."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner
from flask_sqlalchemy.session import Session
from sqlalchemy.orm import scoped_session

from massadmin.auth.models import User
from massadmin.cli import main
from massadmin.config import Settings
from tests.factories import a_user


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs commands with the settings of the tests."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ

    def __call__(self, *words: object, stdin: str = "", **environ: str) -> Said:
        done = CliRunner().invoke(
            main, [str(word) for word in words], input=stdin, env={**self._environ, **environ}
        )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    def json(self, *words: object, status: int = 0, **environ: str) -> Any:
        """The object that a command prints with --json."""
        said = self(*words, "--json", **environ)
        assert said.status == status, said
        return said.json

    def refused(self, *words: object, **environ: str) -> str:
        """The one line with which a command is refused."""
        said = self(*words, **environ)
        assert (said.status, said.out) == (1, ""), said
        lines = said.err.splitlines()
        assert len(lines) == 1, said
        assert lines[0].startswith("massadmin: ")
        return lines[0].removeprefix("massadmin: ")


@pytest.fixture
def shell(db_session: scoped_session[Session], settings: Settings) -> Iterator[Shell]:
    root, package = logging.getLogger(), logging.getLogger("massadmin")
    before = root.level, package.level, list(root.handlers)
    yield Shell(settings.to_environ())
    root.setLevel(before[0])
    package.setLevel(before[1])
    root.handlers[:] = before[2]


@pytest.fixture
def admin(db_session: scoped_session[Session]) -> User:
    return a_user("admin")
