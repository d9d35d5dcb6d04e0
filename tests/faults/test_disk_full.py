"""The disk is full while a file is exported: nothing is lost, and the file is whole in the end."""

from __future__ import annotations

import csv
import resource
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from massadmin.auth import User
from massadmin.exports import parts
from massadmin.extensions import db
from massadmin.runs.models import Run
from tests.factories import some_contacts
from tests.faults.conftest import Words, assert_all_is_well, begin
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness
from tests.processes import until

RECORDS = 2_000

# The sixth attempt comes after half a minute; the second one is as good.
HOLDS_SOON = ("massadmin.runs.postpone", "MAX_ATTEMPTS = 6", "MAX_ATTEMPTS = 2")


@pytest.mark.parametrize("file", ["0-1.tmp", "export.tmp"])
def test_no_space_left(
    admin: User,
    crew: Crew,
    witness: Witness,
    words: Words,
    client: FlaskClient,
    file: str,
) -> None:
    """While a part is written, and while the parts are put together."""
    run_id = _export(admin)
    target = _file(run_id)
    # The kernel's own full disk: whatever is written to it fails with ENOSPC.
    target.parent.mkdir(parents=True)
    full = target.parent / file
    full.symlink_to("/dev/full")
    crew.worker(*HOLDS_SOON)
    crew.clock()
    until(lambda: witness.state(run_id) == "holding", "the run stops itself")
    said = words(run_id)
    assert "No space left on device" in said
    assert "Put right what you can, then resume it" in said
    assert not target.exists()
    full.unlink()
    client.post(f"/runs/{run_id}/resume")
    assert_all_is_well(witness)
    assert "Every record has its result." in words(run_id)
    _assert_whole(run_id)


def test_space_is_made(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    """Soon enough, nobody need do anything."""
    run_id = _export(admin)
    held = holds.picked(run_id)
    worker = crew.worker()
    held.reached()
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
    held.release()
    crew.clock()
    attempts = "SELECT max(attempts) FROM run_chunks"
    until(lambda: witness.one(attempts) > 0, "a part cannot be written")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, unlimited)
    assert_all_is_well(witness)
    assert "Every record has its result." in words(run_id)
    _assert_whole(run_id)


def _export(admin: User) -> int:
    some_contacts(RECORDS)
    return begin("export", admin, columns="id,email", format="csv")


def _file(run_id: int) -> Path:
    run = db.session.get_one(Run, run_id, populate_existing=True)
    target = parts.finished_file(run_id, run.params)
    db.session.rollback()
    return target


def _assert_whole(run_id: int) -> None:
    """Every record is in the file once, in order, and nothing else is left beside it."""
    target = _file(run_id)
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [[str(n), f"p{n}@example.com"] for n in range(1, RECORDS + 1)]
    assert list(target.parent.iterdir()) == [target]
