"""What the clock does besides driving runs, as `create_app` wires it."""

from __future__ import annotations

import pytest
from flask import Flask

from massadmin.runs import clock

pytestmark = pytest.mark.usefixtures("db_session")


def test_everything_that_expires_has_a_chore_and_each_goes_through(app: Flask) -> None:
    names = {chore.name for chore in clock._chores}
    expected = {"purge", "results", "exports", "imports", "sessions", "selections", "heartbeats"}
    assert expected <= names
    for chore in list(clock._chores):
        assert clock.do_chore(chore), chore.name
