"""The web server is killed around the moment in which a bulk action is submitted, and forms are
sent twice."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from massadmin.auth import User
from massadmin.embedded.valkey import Valkey
from tests.factories import some_contacts
from tests.faults import holds as moments
from tests.faults.conftest import Words, assert_all_is_well
from tests.faults.crew import Crew, Web
from tests.faults.holds import Holds
from tests.faults.person import Answer, Person
from tests.faults.servers import own
from tests.faults.witness import Witness
from tests.processes import until

RECORDS = 200
IDS = ("ids", ",".join(map(str, range(1, RECORDS + 1))))


class Submit(threading.Thread):
    """A form on its way."""

    def __init__(self, person: Person, address: str, form: list[tuple[str, str]]) -> None:
        super().__init__()
        self._sent = (address, form)
        self._person = person
        self.answer: Answer | None = None
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            self.answer = self._person.submit(*self._sent)


@pytest.fixture
def person(admin: User) -> Person:
    some_contacts(RECORDS)
    return Person()


@pytest.mark.parametrize(
    ("moment", "runs"),
    # Of what is committed, nobody was told; the same form finds it.
    [(moments.AFTER_FREEZE, 0), (moments.START_AT_COMMIT, 1)],
    ids=["in-the-middle-of-freezing", "while-it-commits"],
)
def test_killed(
    person: Person,
    crew: Crew,
    holds: Holds,
    witness: Witness,
    words: Words,
    moment: str,
    runs: int,
) -> None:
    form, web = _previewed(person, crew)
    held = holds.at(moment)
    sent = Submit(person, web.address, form)
    backend = held.reached()
    web.kill()
    sent.join()
    assert sent.answer is None
    held.release()
    holds.gone(backend)
    assert witness.one("SELECT count(*) FROM runs") == runs
    _sent_again(person, form, crew, witness, words)


def test_before_it_rings(
    person: Person,
    environ: dict[str, str],
    crew: Crew,
    witness: Witness,
    words: Words,
    tmp_path: Path,
) -> None:
    """The run is there and no worker was told; the clock tells them."""
    with own(Valkey, tmp_path / "valkey") as valkey, redis.Redis.from_url(valkey.url) as queue:
        there = Crew({**environ, "REDIS_URL": valkey.url}, tmp_path)
        try:
            form, web = _previewed(person, there)
            queue.client_pause(60_000)
            sent = Submit(person, web.address, form)
            until(lambda: witness.one("SELECT count(*) FROM runs"), "the run is committed")
            web.kill()
            sent.join()
            assert sent.answer is None
        finally:
            there.end()
    assert witness.tickets() == 0
    crew.workers()
    crew.clock()
    assert_all_is_well(witness)
    _sent_again(person, form, crew, witness, words)


def test_sent_twice_at_once(
    person: Person, crew: Crew, holds: Holds, witness: Witness, words: Words
) -> None:
    form, web = _previewed(person, crew)
    held = holds.at(moments.AFTER_FREEZE)
    first, second = (Submit(person, web.address, form) for _ in range(2))
    held.reached()
    held.release()
    first.join()
    second.join()
    answers = [each.answer for each in (first, second) if each.answer]
    assert [each.status for each in answers] == [200, 200]
    assert len({each.url for each in answers}) == 1
    _one_run(crew, witness, words)


def test_sent_twice_with_another_body(
    person: Person, crew: Crew, witness: Witness, words: Words
) -> None:
    form, web = _previewed(person, crew)
    other = [(name, "2" if name == "change-0-value" else value) for name, value in form]
    assert person.submit(web.address, form).status == 200
    answer = person.submit(web.address, other)
    assert answer.status == 409
    assert "This form was already used to start another bulk action" in answer.words
    _one_run(crew, witness, words)


def _previewed(person: Person, crew: Crew) -> tuple[list[tuple[str, str]], Web]:
    web = crew.web()
    person.sign_in(web.address)
    return person.previewed(web.address, IDS), web


def _sent_again(
    person: Person, form: list[tuple[str, str]], crew: Crew, witness: Witness, words: Words
) -> None:
    """The person sends the form once more, to a server that was started again."""
    web = crew.web()
    answer = person.submit(web.address, form)
    run_id = witness.one("SELECT max(id) FROM runs")
    assert (answer.status, answer.url) == (200, f"{web.address}/runs/{run_id}")
    _one_run(crew, witness, words)


def _one_run(crew: Crew, witness: Witness, words: Words) -> None:
    crew.workers(1)
    crew.clock()
    assert_all_is_well(witness)
    assert witness.one("SELECT count(*) FROM runs") == 1
    assert witness.changed() == RECORDS
    assert "200 of 200" in words(witness.one("SELECT id FROM runs"))
