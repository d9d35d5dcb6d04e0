"""Negative controls: with a guard taken out of the product, what these tests look for is found.

Each is done with the guard as well, so that it is the guard that makes the difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from massadmin.auth import User
from massadmin.extensions import db
from tests.factories import a_user
from tests.faults import holds as moments
from tests.faults.conftest import Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness
from tests.processes import until

RECORDS = 2_000  # in 20 chunks of 100
EXECUTE = "massadmin.runs.execute"
APPLY = "    apply_chunk(get_action(run.action), chunk)\n"
TWO_TRANSACTIONS = (EXECUTE, APPLY, APPLY + "    db.session.commit()\n")
# An option that means nothing, in place of the lock.
NO_LOCK = (EXECUTE, ".with_for_update(skip_locked=True", ".execution_options(skip_locked=True")
NO_STATE = (EXECUTE, 'if run.state != "running":', "if False:")
NO_PERMISSION = (
    "massadmin.runs.applying",
    "may = chunk.user.active and chunk.user.can(needed)",
    "may = True",
)


@pytest.mark.parametrize("replaced", [(), TWO_TRANSACTIONS], ids=["guarded", "unguarded"])
def test_a_chunk_is_one_transaction(
    admin: User, crew: Crew, holds: Holds, witness: Witness, replaced: tuple[str, ...]
) -> None:
    held = holds.at(moments.BEFORE_COMMIT)
    run_id = count_up(admin, RECORDS)
    worker = crew.worker(*replaced)
    backend = held.reached()
    worker.kill()
    held.release()
    holds.gone(backend)
    crew.worker()
    crew.clock()
    if not replaced:
        assert_all_is_well(witness)
        return
    until(lambda: witness.done(run_id) == 19, "the other chunks are done")
    assert any("not as many results as records" in fault for fault in witness.faults())


@pytest.fixture
def no_key(holds: Holds, crew: Crew) -> Iterator[None]:
    """Results may be written twice. The key comes back after the test."""
    holds.execute("ALTER TABLE run_results DROP CONSTRAINT pk_run_results")
    yield
    crew.end()
    holds.execute("TRUNCATE run_results")
    holds.execute(
        "ALTER TABLE run_results ADD CONSTRAINT pk_run_results PRIMARY KEY (run_id, item)"
    )


def test_two_workers_take_two_chunks(
    admin: User, crew: Crew, holds: Holds, witness: Witness, no_key: None
) -> None:
    """Even when results could be written twice, they are not."""
    _two_workers(admin, crew, holds)
    assert_all_is_well(witness)


def test_the_key_of_results_stops_a_second_worker(
    admin: User, crew: Crew, holds: Holds, witness: Witness
) -> None:
    """Two workers do the same chunk, and the second one has to give it up."""
    _two_workers(admin, crew, holds, *NO_LOCK)
    assert_all_is_well(witness)


def test_without_lock_and_key_records_change_twice(
    admin: User, crew: Crew, holds: Holds, witness: Witness, no_key: None
) -> None:
    _two_workers(admin, crew, holds, *NO_LOCK)
    until(witness.quiet, "the run ends")
    assert any("not exactly one result" in fault for fault in witness.faults())
    assert witness.one("SELECT max((custom ->> 'changes')::int) FROM contacts") == 2


def _two_workers(admin: User, crew: Crew, holds: Holds, *replaced: str) -> None:
    """Two workers, the second of which comes while the first is in the middle of a chunk."""
    held = holds.at(moments.MID_EFFECT, record=50)
    count_up(admin, 100)
    crew.worker(*replaced)
    crew.clock()
    first = held.reached()
    crew.worker(*replaced)
    if replaced:
        until(lambda: holds.blocked_by(first), "the second worker is at the same records")
    held.release()


@pytest.mark.parametrize("replaced", [(), NO_STATE], ids=["guarded", "unguarded"])
def test_the_state_is_looked_at_again(
    admin: User,
    crew: Crew,
    holds: Holds,
    witness: Witness,
    words: Words,
    client: FlaskClient,
    replaced: tuple[str, ...],
) -> None:
    """A run is paused between a worker's choice of the run and its choice of a chunk."""
    run_id = count_up(admin, RECORDS)
    words(run_id)  # signs the browser in
    with holds.behind("run_chunks", "EXCLUSIVE") as table:
        table.had()
        crew.worker(*replaced)
        table.reached()
        client.post(f"/runs/{run_id}/pause")
        assert witness.state(run_id) == "paused"
        backend = table.reached()
    holds.idle(backend)
    assert (witness.state(run_id), witness.done(run_id)) == ("paused", 1 if replaced else 0)


@pytest.mark.parametrize("replaced", [(), NO_PERMISSION], ids=["guarded", "unguarded"])
def test_the_permission_is_looked_at_again(
    admin: User, crew: Crew, witness: Witness, replaced: tuple[str, ...]
) -> None:
    run_id = count_up(a_user("manager", name="Mia"), 100)
    db.session.execute(text("UPDATE users SET active = false WHERE name = 'Mia'"))
    db.session.commit()
    crew.worker(*replaced)
    assert_all_is_well(witness)
    assert witness.changed() == (100 if replaced else 0)
    assert witness.state(run_id) == "completed"
