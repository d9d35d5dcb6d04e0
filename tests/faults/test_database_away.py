"""The database drops its connections, is restarted, or is killed, in the middle of a run."""

from __future__ import annotations

from pathlib import Path

from massadmin.auth import passwords
from massadmin.embedded.postgres import Postgres
from tests.databases import sibling
from tests.faults import holds as moments
from tests.faults.conftest import CHUNK, RECORDS, MidChunks, Words, assert_all_is_well
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.person import PASSWORD, Person
from tests.faults.servers import own
from tests.faults.witness import Witness


def test_connections_dropped(
    mid_chunk: MidChunks, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    run = mid_chunk(550)
    crew.worker()
    crew.clock()
    _drop_all(holds)
    run.held.release()
    for _ in range(3):
        witness.sees_progress(run.run_id)
        _drop_all(holds)
    assert_all_is_well(witness)
    assert "2,000 of 2,000" in words(run.run_id)


def test_server_restarted(environ: dict[str, str], tmp_path: Path) -> None:
    """It is stopped, and in the next run killed: the same processes go on with the same run, and
    the page says what is the matter."""
    with own(Postgres, tmp_path / "postgres") as server:
        own_environ = {"DATABASE_URL": server.url, "MASSADMIN_CHUNK_SIZE": str(CHUNK)}
        crew = Crew({**environ, **own_environ}, tmp_path)
        witness = Witness(server.url, environ["REDIS_URL"])
        try:
            crew.command("migrate")
            _furnish(witness)
            processes = [*crew.workers(), crew.clock(), web := crew.web()]
            person = Person()
            person.sign_in(web.address)
            for fault, record in ((server.stop, 550), (server.kill, 650)):
                form = person.previewed(web.address, person.all_of(web.address))
                holds = Holds(sibling(server.url, "massadmin", "postgres").replace("+psycopg", ""))
                held = holds.at(moments.MID_EFFECT, record=record)
                assert person.submit(web.address, form).status == 200
                run_id = int(witness.one("SELECT max(id) FROM runs"))
                held.reached()
                holds.close()
                fault()
                answer = person.get(f"{web.address}/runs/{run_id}")
                assert answer.status == 503
                assert "The database cannot be reached" in answer.words
                assert "running bulk actions go on by themselves once it is back" in answer.words
                # With the server went our lock, so nobody is held any more.
                server.start()
                assert_all_is_well(witness)
                assert [each.alive for each in processes] == [True] * 4
                answer = person.get(f"{web.address}/runs/{run_id}")
                assert "Every record has its result." in answer.words
        finally:
            crew.end()
            witness.close()
            print(crew.said()[-5_000:])


def _drop_all(holds: Holds) -> None:
    """Have the server end the connections of all our processes."""
    holds.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'massadmin'"
        " AND datname = current_database()"
    )


def _furnish(witness: Witness) -> None:
    """The admin, a field to count in, and some records."""
    witness.rows(
        "INSERT INTO users (name, email, role, password_hash)"
        " VALUES ('Admin', 'admin@example.com', 'admin', %s) RETURNING id",
        passwords.hashed(PASSWORD),
    )
    witness.rows(
        "INSERT INTO custom_fields (module, key, label, type)"
        " VALUES ('contacts', 'changes', 'Changes', 'number') RETURNING 1"
    )
    witness.rows(
        "INSERT INTO contacts (first_name) SELECT 'First' || i"
        f" FROM generate_series(1, {RECORDS}) AS i RETURNING 1"
    )
