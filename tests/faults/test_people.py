"""What people do while a run goes on: pause, cancel, lose a permission, edit a record."""

from __future__ import annotations

import threading

from flask.testing import FlaskClient
from sqlalchemy import text

from massadmin.auth import User
from massadmin.extensions import db
from massadmin.runs.models import Run
from tests.factories import a_user, some_contacts
from tests.faults import holds as moments
from tests.faults.conftest import RECORDS, MidChunks, Words, assert_all_is_well, begin
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness
from tests.processes import until

# In the middle of the sixth of 20 chunks.
RECORD = 550


def test_paused(mid_chunk: MidChunks, witness: Witness, words: Words, client: FlaskClient) -> None:
    run = mid_chunk(RECORD)
    client.post(f"/runs/{run.run_id}/pause")
    assert "a chunk is still being finished" in words(run.run_id)
    run.held.release()
    until(lambda: witness.state(run.run_id) == "paused", "the run pauses")
    assert (witness.done(run.run_id), witness.changed()) == (6, 600)
    assert "Stands still until somebody resumes it" in words(run.run_id)
    assert "600 of 2,000" in words(run.run_id)
    client.post(f"/runs/{run.run_id}/resume")
    assert_all_is_well(witness)
    assert "2,000 of 2,000" in words(run.run_id)


def test_cancelled(
    mid_chunk: MidChunks, witness: Witness, words: Words, client: FlaskClient
) -> None:
    run = mid_chunk(RECORD)
    client.post(f"/runs/{run.run_id}/cancel")
    assert witness.state(run.run_id) == "cancelling"
    run.held.release()
    assert_all_is_well(witness)
    assert (witness.state(run.run_id), witness.changed()) == ("cancelled", 600)
    assert "Ended early; what was done stays done" in words(run.run_id)
    assert "1,400 left alone" in words(run.run_id)


def test_no_longer_allowed(mid_chunk: MidChunks, witness: Witness, words: Words) -> None:
    run = mid_chunk(RECORD, user=a_user("manager", name="Mia"))
    db.session.execute(text("UPDATE users SET role = 'support_lead' WHERE name = 'Mia'"))
    db.session.commit()
    run.held.release()
    assert_all_is_well(witness)
    # The chunk that had begun was begun with permission.
    assert witness.results(run.run_id) == {
        ("succeeded", ""): 600,
        ("skipped", "Mia may no longer update fields"): 1_400,
    }
    assert "Mia may no longer update fields" in words(run.run_id)


def test_records_edited_meanwhile(
    admin: User,
    crew: Crew,
    holds: Holds,
    witness: Witness,
    words: Words,
    client: FlaskClient,
) -> None:
    """Before its chunk, in the middle of it, and after it; then everything is undone."""
    held = holds.at(moments.MID_EFFECT, record=550)
    some_contacts(RECORDS, city="Rome")
    changes = {"add__custom.changes": "1", "set__city": "Oslo"}
    run_id = begin("update_fields", admin, **changes)
    words(run_id)  # signs the browser in
    crew.workers(1)
    crew.clock()
    held.reached()

    def edit(record: int, city: str) -> int:
        return client.post(f"/contacts/{record}/fields/city", data={"value": city}).status_code

    assert edit(10, "Done") == 303
    assert edit(1_990, "Waiting") == 303
    answers: list[int] = []
    # The worker has this record locked: the person waits for it, or is told to try again.
    inside = threading.Thread(target=lambda: answers.append(edit(520, "Inside")))
    inside.start()
    held.release()
    inside.join()
    assert_all_is_well(witness)
    assert "2,000 of 2,000" in words(run_id)
    cities = "SELECT id::int, city FROM contacts WHERE city <> %s ORDER BY id"
    edited = [(10, "Done"), *([(520, "Inside")] if answers == [303] else [])]
    assert witness.rows(cities, "Oslo") == edited

    client.post(f"/runs/{run_id}/undo", data={"expected": str(RECORDS)})
    assert db.session.query(Run).count() == 2
    db.session.rollback()
    assert_all_is_well(witness)
    # What was edited since is left alone; what was edited before goes back to the edit.
    assert witness.rows(cities, "Rome") == [*edited, (1_990, "Waiting")]
