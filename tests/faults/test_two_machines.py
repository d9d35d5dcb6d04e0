"""Two machines with servers outside both: either one's workers are killed, and the cable is cut.

The second machine is a network namespace, or only a data folder of its own where none can be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from massadmin import connecting
from massadmin.auth import passwords
from tests.faults.conftest import CHUNK, assert_all_is_well
from tests.faults.crew import Crew, Process, Web
from tests.faults.holds import MID_EFFECT, Hold, Holds
from tests.faults.network import Elsewhere, elsewhere, move_to
from tests.faults.person import PASSWORD, Person
from tests.faults.servers import Outside, outside
from tests.faults.soak import CITIES, SET_UP
from tests.faults.witness import Witness

RECORDS = 2_000  # in 20 chunks of 100


def _on_b(machine: str | None) -> None:
    """What makes a process one of machine B, where a second takes the place of half a minute."""
    told = connecting.TO_POSTGRESQL
    told["options"] = (
        str(told["options"])
        .replace("user_timeout=30000", "user_timeout=1000")
        .replace("idle=30", "idle=1")
    )
    told.update(keepalives_idle=1, keepalives_interval=1, keepalives_count=1, tcp_user_timeout=1000)
    if machine:
        move_to(machine)


class Two:
    """Machine A with the web server, a worker and a clock; machine B with a worker and a clock."""

    def __init__(self, servers: Outside, other: Elsewhere | None, folder: Path) -> None:
        self.other = other
        common = {
            "PATH": "/usr/bin:/bin",
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "SECRET_KEY": "of both machines",
            "MASSADMIN_FILES_DIR": str(folder / "files"),
            "MASSADMIN_CHUNK_SIZE": str(CHUNK),
        }
        for name in "ab":
            (folder / name).mkdir()
        self.a = Crew({**common, "MASSADMIN_DATA_DIR": str(folder / "a/data")}, folder / "a")
        self.b = Crew(
            {**common, "MASSADMIN_DATA_DIR": str(folder / "b/data")},
            folder / "b",
            partial(_on_b, other.name if other else None),
        )
        self.a.command("migrate")
        self.witness = Witness(servers.database_url, servers.redis_url)
        with psycopg.connect(servers.superuser) as connection:
            binds = {
                "password": passwords.hashed(PASSWORD),
                "cities": list(CITIES),
                "records": RECORDS,
            }
            for sql in SET_UP:
                connection.execute(sql, binds)
        self.holds = Holds(servers.superuser)
        self.web: Web = self.a.web()
        self.person = Person()
        self.person.sign_in(self.web.address)

    @contextmanager
    def held(self, record: int) -> Iterator[tuple[int, Hold]]:
        """A run, started on a page, that adds 1 to the field of every record. A worker is held in
        the middle of its chunk with this record."""
        form = self.person.previewed(self.web.address, self.person.all_of(self.web.address))
        held = self.holds.at(MID_EFFECT, record=record)
        assert self.person.submit(self.web.address, form).status == 200
        held.reached()
        yield int(self.witness.one("SELECT max(id) FROM runs")), held

    def close(self) -> None:
        """Kill everybody."""
        for crew in (self.b, self.a):
            crew.end()
            print(crew.said()[-3_000:])
        self.holds.close()
        self.witness.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with ExitStack() as stack:
        other = stack.enter_context(elsewhere())
        host = other.our_address if other else "127.0.0.1"
        servers = stack.enter_context(outside(tmp_path / "servers", host))
        machines = Two(servers, other, tmp_path)
        stack.callback(machines.close)
        yield machines


def test_two_machines(two: Two, tmp_path: Path) -> None:
    two.b.clock()
    on_a = _either_ones_workers_are_killed(two, two.b.worker())
    if two.other:
        on_a.kill()
        on_a = _the_cable_is_cut(two, two.other)
    else:
        two.b.worker()
    on_a.kill()
    _files_are_shared(two, tmp_path)


def _either_ones_workers_are_killed(two: Two, on_b: Process) -> Process:
    """First B's in the middle of a chunk, then A's; another one of A ends the run."""
    with two.held(record=550) as (run_id, held):
        on_a = two.a.worker()
        two.witness.sees_progress(run_id)
        on_b.kill()
        held.release()
    two.witness.sees_progress(run_id)
    on_a.kill()
    on_a = two.a.worker()
    two.a.clock()
    assert_all_is_well(two.witness)
    assert two.witness.changed() == RECORDS
    return on_a


def _the_cable_is_cut(two: Two, other: Elsewhere) -> Process:
    """While the database works on B's chunk: it is A's before long, and B comes back by itself."""
    two.b.worker()
    with two.held(record=550) as (run_id, held):
        on_a = two.a.worker()
        two.witness.sees_progress(run_id)
        other.cut()
        held.release()
        assert_all_is_well(two.witness)
    assert two.witness.state(run_id) == "completed"
    other.mend()
    return on_a


def _files_are_shared(two: Two, folder: Path) -> None:
    """What A staged is read by B, and what B wrote is downloaded from A."""
    people = folder / "people.csv"
    people.write_text("email\n" + "".join(f"n{number}@example.com\n" for number in range(300)))
    two.a.command("import", "contacts", str(people))
    two.a.command("run", "export", "--module", "contacts", "--all", "--param", "columns=email")
    assert_all_is_well(two.witness)
    run_id = two.witness.one("SELECT max(id) FROM runs")
    answer = two.person.get(f"{two.web.address}/exports/{run_id}/download")
    assert answer.status == 200
    assert len(answer.html.splitlines()) == 1 + RECORDS + 300
