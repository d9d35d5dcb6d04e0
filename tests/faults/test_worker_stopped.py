"""A worker that stands still (SIGSTOP), goes on (SIGCONT), or is asked to leave (SIGTERM)."""

from __future__ import annotations

import signal

from massadmin.auth import User
from tests.faults import holds as moments
from tests.faults.conftest import Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness
from tests.processes import until

RECORDS = 2_000  # in 20 chunks of 100


def test_stopped_and_continued(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    held = holds.at(moments.MID_EFFECT, record=50)
    run_id = count_up(admin, RECORDS)
    stopped = crew.worker()
    held.reached()
    stopped.send(signal.SIGSTOP)
    held.release()
    crew.worker()
    crew.clock()
    until(lambda: witness.done(run_id) == 19, "the other worker does all other chunks")
    # The last chunk is still in the stopped one's hands, and nobody takes it for done.
    assert (witness.state(run_id), witness.changed()) == ("running", RECORDS - 100)
    assert "1,900 of 2,000" in words(run_id)
    stopped.send(signal.SIGCONT)
    assert_all_is_well(witness)
    assert witness.changed() == RECORDS


def test_stopped_for_long(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    """The database gives its chunk to others; when it goes on, it finds that it has lost it."""
    held = holds.at(moments.MID_EFFECT, record=50)
    run_id = count_up(admin, RECORDS)
    stopped = crew.worker("massadmin.runs.settle", "STALLED_SECONDS = 300", "STALLED_SECONDS = 1")
    backend = held.reached()
    stopped.send(signal.SIGSTOP)
    held.release()
    holds.gone(backend)
    other = crew.worker()
    assert_all_is_well(witness)
    assert "2,000 of 2,000" in words(run_id)
    # It has not been harmed: alone, it does what comes next.
    other.kill()
    stopped.send(signal.SIGCONT)
    count_up(admin)
    assert_all_is_well(witness)
    assert stopped.alive
    # Nor has it looked for a record to blame.
    assert "item=" not in stopped.said()


def test_asked_to_leave(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    held = holds.at(moments.MID_EFFECT, record=350)
    run_id = count_up(admin, RECORDS)
    worker = crew.worker()
    held.reached()
    worker.send(signal.SIGTERM)
    held.release()
    assert worker.left() == 0
    # It finished the fourth chunk, in which it was asked, and began no other.
    assert (witness.done(run_id), witness.changed()) == (4, 400)
    assert "400 of 2,000" in words(run_id)
    crew.worker()
    assert_all_is_well(witness)
