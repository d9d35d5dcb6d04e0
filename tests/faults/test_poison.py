"""A record that the database refuses in the middle of a chunk: it fails alone, with its reason."""

from __future__ import annotations

from flask.testing import FlaskClient

from massadmin.auth import User
from tests.faults.conftest import Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.witness import Witness

RECORDS = 2_000  # in 20 chunks of 100


def test_one_poison_record(
    admin: User,
    crew: Crew,
    holds: Holds,
    witness: Witness,
    words: Words,
    client: FlaskClient,
) -> None:
    holds.execute(
        """
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'Record % is poison', NEW.id; END $$;
        CREATE TRIGGER poison BEFORE UPDATE ON contacts
        FOR EACH ROW WHEN (NEW.id IN (551, 560, 1900)) EXECUTE FUNCTION poison()
        """
    )
    try:
        run_id = count_up(admin, RECORDS)
        crew.workers()
        crew.clock()
        assert_all_is_well(witness)
    finally:
        holds.execute("DROP TRIGGER poison ON contacts; DROP FUNCTION poison")
    assert witness.results(run_id) == {
        ("succeeded", ""): RECORDS - 3,
        ("failed", "Record 551 is poison"): 1,
        ("failed", "Record 560 is poison"): 1,
        ("failed", "Record 1900 is poison"): 1,
    }
    said = words(run_id)
    assert "Every record has its result; 3 records failed." in said
    assert "Record 560 is poison" in said
    # Cured, they are tried again, and only they.
    client.post(f"/runs/{run_id}/retry")
    assert_all_is_well(witness)
    assert witness.changed() == RECORDS
