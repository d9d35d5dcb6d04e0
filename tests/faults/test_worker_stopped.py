"""A worker that stands still (SIGSTOP), goes on (SIGCONT), or is asked to leave (SIGTERM)."""

from __future__ import annotations

import signal

from massadmin.auth import User
from tests.faults.conftest import RECORDS, MidChunks, Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness
from tests.processes import until


def test_stopped_and_continued(
    mid_chunk: MidChunks, crew: Crew, witness: Witness, words: Words
) -> None:
    run = mid_chunk(50)
    run.worker.send(signal.SIGSTOP)
    run.held.release()
    crew.worker()
    crew.clock()
    until(lambda: witness.done(run.run_id) == 19, "the other worker does all other chunks")
    # The last chunk is still in the stopped one's hands, and nobody takes it for done.
    assert (witness.state(run.run_id), witness.changed()) == ("running", RECORDS - 100)
    assert "1,900 of 2,000" in words(run.run_id)
    run.worker.send(signal.SIGCONT)
    assert_all_is_well(witness)
    assert witness.changed() == RECORDS


def test_stopped_for_long(
    mid_chunk: MidChunks, admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    """The database gives its chunk to others; when it goes on, it finds that it has lost it."""
    run = mid_chunk(50, "massadmin.runs.settle", "STALLED_SECONDS = 300", "STALLED_SECONDS = 1")
    run.worker.send(signal.SIGSTOP)
    run.held.release()
    holds.gone(run.backend)
    other = crew.worker()
    assert_all_is_well(witness)
    assert "2,000 of 2,000" in words(run.run_id)
    # It has not been harmed: alone, it does what comes next.
    other.kill()
    run.worker.send(signal.SIGCONT)
    count_up(admin)
    assert_all_is_well(witness)
    assert run.worker.alive
    # Nor has it looked for a record to blame.
    assert "item=" not in run.worker.said()


def test_asked_to_leave(mid_chunk: MidChunks, crew: Crew, witness: Witness, words: Words) -> None:
    run = mid_chunk(350)
    run.worker.send(signal.SIGTERM)
    run.held.release()
    assert run.worker.left() == 0
    # It finished the fourth chunk, in which it was asked, and began no other.
    assert (witness.done(run.run_id), witness.changed()) == (4, 400)
    assert "400 of 2,000" in words(run.run_id)
    crew.worker()
    assert_all_is_well(witness)
