"""Two clocks at once, and one that is killed in the middle of a tick, or of what was left to it."""

from __future__ import annotations

from massadmin import imports
from massadmin.auth import User
from massadmin.imports import Policy
from tests.factories import contacts, some_contacts
from tests.faults import holds as moments
from tests.faults.conftest import Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness
from tests.imports.files import staged
from tests.processes import until

# As a web server leaves it that is killed between what the person asked for and what follows.
CANCEL = "UPDATE runs SET state = 'cancelling' WHERE id = ANY(%s) RETURNING id"


def test_two_clocks(admin: User, crew: Crew, witness: Witness, words: Words) -> None:
    some_contacts(100)
    runs = [count_up(admin) for _ in range(10)]
    witness.rows(CANCEL, runs[5:])
    # Without tickets, everything is left to the clocks.
    witness.queue.flushdb()
    worker = crew.worker()
    crew.clock()
    crew.clock()
    assert_all_is_well(witness)
    assert worker.alive
    assert [witness.state(each) for each in runs] == ["completed"] * 5 + ["cancelled"] * 5
    assert witness.one("SELECT min((custom ->> 'changes')::int) FROM contacts") == 5
    assert "Ended early; what was done stays done" in words(runs[-1])


def test_killed_in_the_middle_of_a_tick(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    held = holds.at(moments.BEFORE_CANCELLED)
    run_id = count_up(admin, 2_000)
    witness.rows(CANCEL, [run_id])
    clock = crew.clock()
    backend = held.reached()
    other = crew.clock()
    clock.kill()
    held.release()
    holds.gone(backend)
    crew.worker()
    assert_all_is_well(witness)
    assert other.alive
    assert (witness.state(run_id), witness.changed()) == ("cancelled", 0)
    assert "2,000 left alone" in words(run_id)


def test_killed_while_it_starts_an_import(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    held = holds.at(moments.AFTER_FREEZE)
    file = staged(admin, "Email", *(f"p{number % 250}@example.com" for number in range(300)))
    imports.leave_unstarted(file, contacts(), Policy(), admin)
    clock = crew.clock()
    backend = held.reached()
    other = crew.clock()
    clock.kill()
    held.release()
    holds.gone(backend)
    crew.worker()
    found = "SELECT run_id FROM import_files WHERE run_id IS NOT NULL AND errand IS NULL"
    until(lambda: witness.rows(found), "the other clock starts the import")
    assert_all_is_well(witness)
    assert other.alive
    for table, count in (("runs", 1), ("contacts", 250), ("import_duplicates", 50)):
        assert witness.one(f"SELECT count(*) FROM {table}") == count, table
    (run,) = witness.rows(found)[0]
    assert "300" in words(run)
