"""The queue is flushed, killed for a while, or out of memory: it only rings, so nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from massadmin.auth import User
from massadmin.config import Settings
from massadmin.embedded.valkey import Valkey
from tests.faults import holds as moments
from tests.faults.conftest import Words, assert_all_is_well, count_up
from tests.faults.crew import Crew
from tests.faults.holds import Holds
from tests.faults.person import Person
from tests.faults.servers import Server, own
from tests.faults.witness import Witness
from tests.processes import until

RECORDS = 2_000  # in 20 chunks of 100
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


def test_flushed(admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words) -> None:
    held = holds.at(moments.MID_EFFECT, record=50)
    run_id = count_up(admin, RECORDS)
    worker = crew.worker()
    crew.clock()
    held.reached()
    # With the tickets goes what RQ knows of the worker and of the ticket that it works on.
    witness.queue.flushall()
    held.release()
    assert_all_is_well(witness)
    # Now with nobody at work and one ticket in the queue.
    worker.send(signal.SIGSTOP)
    later = count_up(admin)
    until(witness.tickets, "the clock rings")
    witness.queue.flushall()
    worker.send(signal.SIGCONT)
    assert_all_is_well(witness)
    for each in (run_id, later):
        assert "Every record has its result." in words(each)


@pytest.mark.parametrize("seconds", [2, 20])
def test_killed(
    admin: User,
    crew: Crew,
    holds: Holds,
    witness: Witness,
    words: Words,
    valkey: Server,
    seconds: int,
) -> None:
    """In the middle of a chunk, and a bulk action is started while it is away."""
    held = holds.at(moments.MID_EFFECT, record=50)
    first = count_up(admin, RECORDS)
    for _ in range(2):
        crew.tended("worker")
    crew.tended("clock")
    web = crew.web()
    person = Person()
    person.sign_in(web.address)
    held.reached()
    form = person.previewed(web.address, LAST)
    valkey.kill()
    away = threading.Timer(seconds, lambda: None)
    away.start()
    held.release()
    # What is under way needs no queue to be finished.
    until(lambda: witness.state(first) == "completed", "the run that was going ends")
    answer = person.submit(web.address, form)
    assert answer.status == 200
    assert "Queued" in answer.words
    second = int(witness.one("SELECT max(id) FROM runs"))
    assert person.steer(web.address, second, "pause").status == 200
    assert "Stands still until somebody resumes it" in words(second)
    assert person.steer(web.address, second, "resume").status == 200
    while away.is_alive():
        crew.tend()
        away.join(0.2)
    valkey.start()

    def ended() -> bool:
        crew.tend()
        return witness.quiet()

    until(ended, "everything goes on by itself once the queue is back")
    assert_all_is_well(witness)
    for each in (first, second):
        assert "Every record has its result." in words(each)


def test_out_of_memory(
    admin: User, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    held = holds.at(moments.MID_EFFECT, record=50)
    run_id = count_up(admin, RECORDS)
    for _ in range(2):
        crew.tended("worker")
    crew.tended("clock")
    web = crew.web()
    person = Person()
    person.sign_in(web.address)
    held.reached()
    form = person.previewed(web.address, LAST)
    # From now on it refuses whatever needs memory: the policy is to evict nothing.
    assert witness.queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    witness.queue.config_set("maxmemory", 1)
    held.release()
    until(lambda: witness.state(run_id) == "completed", "the run that was going ends")
    assert person.submit(web.address, form).status == 200
    second = int(witness.one("SELECT max(id) FROM runs"))
    assert "Waits for a worker" in words(second) or "0 of 3" in words(second)
    crew.tend()
    witness.queue.config_set("maxmemory", 0)

    def ended() -> bool:
        crew.tend()
        return witness.quiet()

    until(ended, "everything goes on by itself once there is memory")
    assert_all_is_well(witness)
    assert "Every record has its result." in words(second)
