"""What the tests of faults share: an onlooker, processes to be hurt, and places to hold them at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from massadmin.auth import User, passwords, sessions
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.runs.action import get_action
from massadmin.runs.audience import of_query
from massadmin.runs.start import start
from tests.databases import WORKER, sibling
from tests.factories import a_user, contacts, query, some_contacts
from tests.faults import holds as moments
from tests.faults.crew import Crew, Process
from tests.faults.holds import Hold, Holds
from tests.faults.person import PASSWORD
from tests.faults.witness import Witness
from tests.processes import until

# Small, so that a run has 20 of them, between which much can happen.
CHUNK = 100
RECORDS = 2_000
Words = Callable[[int], str]


@pytest.fixture
def witness(settings: Settings, clean: None) -> Iterator[Witness]:
    onlooker = Witness(settings.database_url, settings.redis_url)
    yield onlooker
    onlooker.close()


@pytest.fixture
def holds(served: Settings, clean: None) -> Iterator[Holds]:
    address = sibling(served.database_url, f"test_{WORKER or 'main'}", "postgres")
    held = Holds(address.replace("+psycopg", ""))
    yield held
    held.end()


@pytest.fixture
def crew(environ: dict[str, str], holds: Holds, tmp_path: Path) -> Iterator[Crew]:
    """Processes on the database and queue of the test; killed before the holds are taken away."""
    people = Crew({**environ, "MASSADMIN_CHUNK_SIZE": str(CHUNK)}, tmp_path)
    yield people
    people.end()
    # Shown by pytest when the test fails.
    print(people.said()[-5_000:])


@pytest.fixture
def admin(db_session: object) -> User:
    """The person who starts the runs; they can sign in."""
    db.session.execute(
        text(
            "INSERT INTO custom_fields (module, key, label, type) "
            "VALUES ('contacts', 'changes', 'Changes', 'number')"
        )
    )
    user = a_user()
    user.password_hash = passwords.hashed(PASSWORD)
    db.session.commit()
    return user


@pytest.fixture
def words(app: object, client: FlaskClient, admin: User) -> Words:
    """The text of the page of a run, by its id, as the admin sees it."""
    token = sessions.start(admin)
    db.session.commit()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token

    def read(run_id: int) -> str:
        html = client.get(f"/runs/{run_id}").get_data(as_text=True)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())

    return read


@dataclass(frozen=True)
class MidChunk:
    """A run of which a worker is held in the middle of a chunk."""

    run_id: int
    worker: Process
    held: Hold
    # Of the worker, in the database.
    backend: int


MidChunks = Callable[..., MidChunk]


@pytest.fixture
def mid_chunk(admin: User, crew: Crew, holds: Holds) -> MidChunks:
    """`mid_chunk(record)`: a run over `RECORDS` new records, held at that one. It is `user`'s, or
    the admin's; `replaced` is a part of the worker's code, as `mutant` has it."""

    def hold(record: int, *replaced: str, user: User | None = None) -> MidChunk:
        held = holds.at(moments.MID_EFFECT, record=record)
        run_id = count_up(user or admin, RECORDS)
        worker = crew.worker(*replaced)
        return MidChunk(run_id, worker, held, held.reached())

    return hold


def begin(key: str, user: User, **params: str) -> int:
    """The id of a run of an action over all contacts, in chunks of `CHUNK`."""
    action, module = get_action(key), contacts()
    data = MultiDict([(name.replace("__", "."), value) for name, value in params.items()])
    checked = action.params(data, module, user)
    found = of_query(query(), module, user)
    run_id = start(action, module, found, checked, user, largest_chunk=CHUNK).id
    # Nothing may stay locked on our side.
    db.session.rollback()
    return run_id


def count_up(user: User, records: int = 0) -> int:
    """The id of a run that adds 1 to the field of every record, after making so many new ones."""
    if records:
        some_contacts(records)
    return begin("update_fields", user, **{"add__custom.changes": "1"})


def assert_all_is_well(witness: Witness) -> None:
    """Wait until everything has ended by itself; then nothing is lost, doubled or stuck."""
    until(witness.quiet, "every run ends by itself and no ticket is left")
    assert witness.faults() == []
