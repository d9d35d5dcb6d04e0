"""kill -9 of a worker at every moment of a chunk's life, and again and again in one run."""

from __future__ import annotations

import pytest

from massadmin.auth import User
from tests.faults import holds as moments
from tests.faults.conftest import Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness

RECORDS = 2_000  # in 20 chunks of 100


def test_picked(admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words) -> None:
    run_id = count_up(admin, RECORDS)
    held = holds.picked(run_id)
    worker = crew.worker()
    backend = held.reached()
    worker.kill()
    held.release()
    holds.gone(backend)
    assert (witness.done(run_id), witness.changed()) == (0, 0)
    _others_finish(run_id, crew, witness, words)


@pytest.mark.parametrize(
    ("moment", "chunks"),
    [
        # In the middle of the sixth chunk's UPDATE: half of its records are written by then.
        (moments.MID_EFFECT, 5),
        # All is written, the chunk is marked as done, but the worker never says COMMIT.
        (moments.BEFORE_COMMIT, 0),
        # The worker said COMMIT and is dead before the answer comes: the chunk is done.
        (moments.AT_COMMIT, 1),
    ],
    ids=["mid-effect", "before-commit", "at-commit"],
)
def test_in_a_chunk(
    admin: User,
    crew: Crew,
    holds: Holds,
    witness: Witness,
    words: Words,
    moment: str,
    chunks: int,
) -> None:
    held = holds.at(moment, record=550)
    run_id = count_up(admin, RECORDS)
    worker = crew.worker()
    backend = held.reached()
    worker.kill()
    held.release()
    holds.gone(backend)
    assert (witness.done(run_id), witness.changed()) == (chunks, 100 * chunks)
    _others_finish(run_id, crew, witness, words)


@pytest.mark.parametrize("records", [RECORDS, 100], ids=["more-chunks", "last-chunk"])
def test_after_commit(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words, records: int
) -> None:
    held = holds.at(moments.BEFORE_COMMIT)
    run_id = count_up(admin, records)
    worker = crew.worker()
    held.reached()
    # In line behind the chunk's transaction, and so before whatever the worker does after it.
    with holds.behind("runs") as table:
        held.release()
        table.had()
        backend = table.reached()
        worker.kill()
    holds.gone(backend)
    assert (witness.done(run_id), witness.changed()) == (1, 100)
    assert witness.state(run_id) == "running"
    _others_finish(run_id, crew, witness, words)


def test_before_finish(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    held = holds.at(moments.BEFORE_FINISH)
    run_id = count_up(admin, RECORDS)
    worker = crew.worker()
    backend = held.reached()
    worker.kill()
    held.release()
    holds.gone(backend)
    assert witness.changed() == RECORDS
    # Every record has its result, and yet the run is not over: nobody is there to end it.
    assert witness.state(run_id) == "running"
    assert any("have not ended" in fault for fault in witness.faults())
    _others_finish(run_id, crew, witness, words)


def test_again_and_again(admin: User, crew: Crew, witness: Witness, words: Words) -> None:
    run_id = count_up(admin, 10_000)
    crew.clock()
    for kills in range(3):
        worker = crew.worker()
        witness.sees_progress(run_id)
        worker.kill()
        assert kills or witness.done(run_id) < 100
    _others_finish(run_id, crew, witness, words)


def _others_finish(run_id: int, crew: Crew, witness: Witness, words: Words) -> None:
    """Two other workers and a clock take the run to its end, and its page says so."""
    crew.workers()
    crew.clock()
    assert_all_is_well(witness)
    records = witness.one("SELECT count(*) FROM contacts")
    assert witness.changed() == records
    said = words(run_id)
    assert "Every record has its result." in said
    assert f"{records:,} of {records:,}" in said
