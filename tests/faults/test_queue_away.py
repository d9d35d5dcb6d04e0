"""The queue is flushed, killed for a while, or out of memory: it only rings, so nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from massadmin.auth import User
from massadmin.config import Settings
from massadmin.embedded.children import Child
from massadmin.embedded.valkey import Valkey
from tests.faults import holds as moments
from tests.faults.conftest import RECORDS, MidChunks, Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Hold, Holds
from tests.faults.person import Answer, Person
from tests.faults.servers import Server, own
from tests.faults.witness import Witness
from tests.processes import until

# The records that are left alone longest.
LAST = ("ids", "1998,1999,2000")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Server]:
    with own(Valkey, tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def witness(settings: Settings, clean: None, valkey: Server) -> Iterator[Witness]:
    onlooker = Witness(settings.database_url, valkey.url)
    yield onlooker
    onlooker.close()


@pytest.fixture
def crew(environ: dict[str, str], holds: Holds, tmp_path: Path, valkey: Server) -> Iterator[Crew]:
    people = Crew({**environ, "REDIS_URL": valkey.url}, tmp_path)
    yield people
    people.end()
    print(people.said()[-5_000:])


@dataclass
class Office:
    """A run held in its first chunk, workers and a clock that are started again when they left, and
    a person whose next bulk action needs one more click."""

    crew: Crew
    workers: list[Child]
    run_id: int
    held: Hold
    address: str
    person: Person
    form: list[tuple[str, str]]

    def submit(self) -> Answer:
        """The click, while nobody is at work."""
        # A worker that comes from the last chunk looks for one more, and would find this one.
        for worker in self.workers:
            worker.kill()
        return self.person.submit(self.address, self.form)

    def goes_on(self, witness: Witness) -> None:
        """Wait until everything has ended by itself, and well."""

        def ended() -> bool:
            self.crew.tend()
            return witness.quiet()

        until(ended, "everything goes on by itself once the queue is well again")
        assert_all_is_well(witness)


@pytest.fixture
def office(admin: User, crew: Crew, holds: Holds) -> Office:
    held = holds.at(moments.MID_EFFECT, record=50)
    run_id = count_up(admin, RECORDS)
    workers = [crew.tended("worker") for _ in range(2)]
    crew.tended("clock")
    web = crew.web()
    person = Person()
    person.sign_in(web.address)
    held.reached()
    form = person.previewed(web.address, LAST)
    return Office(crew, workers, run_id, held, web.address, person, form)


def test_flushed(
    mid_chunk: MidChunks, admin: User, crew: Crew, witness: Witness, words: Words
) -> None:
    run = mid_chunk(50)
    crew.clock()
    # With the tickets goes what RQ knows of the worker and of the ticket that it works on.
    witness.queue.flushall()
    run.held.release()
    assert_all_is_well(witness)
    # Now with nobody at work and one ticket in the queue.
    run.worker.send(signal.SIGSTOP)
    later = count_up(admin)
    until(witness.tickets, "the clock rings")
    witness.queue.flushall()
    run.worker.send(signal.SIGCONT)
    assert_all_is_well(witness)
    for each in (run.run_id, later):
        assert "Every record has its result." in words(each)


@pytest.mark.parametrize("seconds", [2, 20])
def test_killed(
    office: Office, witness: Witness, words: Words, valkey: Server, seconds: int
) -> None:
    """In the middle of a chunk, and a bulk action is started while it is away."""
    valkey.kill()
    away = threading.Timer(seconds, lambda: None)
    away.start()
    office.held.release()
    # What is under way needs no queue to be finished.
    until(lambda: witness.state(office.run_id) == "completed", "the run that was going ends")
    answer = office.submit()
    assert answer.status == 200
    assert "Queued" in answer.words
    second = int(witness.one("SELECT max(id) FROM runs"))
    assert office.person.steer(office.address, second, "pause").status == 200
    assert "Stands still until somebody resumes it" in words(second)
    assert office.person.steer(office.address, second, "resume").status == 200
    while away.is_alive():
        office.crew.tend()
        away.join(0.2)
    valkey.start()
    office.goes_on(witness)
    for each in (office.run_id, second):
        assert "Every record has its result." in words(each)


def test_out_of_memory(office: Office, witness: Witness, words: Words) -> None:
    # From now on it refuses whatever needs memory: the policy is to evict nothing.
    assert witness.queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    witness.queue.config_set("maxmemory", 1)
    office.held.release()
    until(lambda: witness.state(office.run_id) == "completed", "the run that was going ends")
    assert office.submit().status == 200
    second = int(witness.one("SELECT max(id) FROM runs"))
    assert "Waits for a worker" in words(second) or "0 of 3" in words(second)
    office.crew.tend()
    witness.queue.config_set("maxmemory", 0)
    office.goes_on(witness)
    assert "Every record has its result." in words(second)
