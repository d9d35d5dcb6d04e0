"""`massadmin migrate` and `massadmin doctor`, on healthy and on broken installations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import text

from massadmin import doctor, schema
from massadmin.auth.models import User
from massadmin.cli.aside import _LOCK
from massadmin.config import BadSetting, Settings
from massadmin.doctor import machine
from massadmin.embedded import NoEmbedded
from massadmin.extensions import db
from massadmin.runs.alive import beat, my_name
from tests.cli.conftest import Shell
from tests.databases import WORKER, sibling, superuser
from tests.factories import some_contacts, start_action

NOWHERE = "postgresql://massadmin:hidden@127.0.0.1:1/nothing"


@pytest.fixture
def empty_database(served: Settings) -> Iterator[str]:
    """The address of a database without tables."""
    name = f"empty_{WORKER or 'main'}"
    with superuser(served.database_url, "postgres") as connection:
        made = sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(made))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER massadmin").format(made))
        yield sibling(served.database_url, name)
        connection.execute(sql.SQL("DROP DATABASE {} (FORCE)").format(made))


def checks(shell: Shell, status: int, **environ: str) -> dict[str, Any]:
    """The doctor's findings by name."""
    told = shell.json("doctor", status=status, **environ)
    assert told["ok"] is (status == 0)
    return {each["name"]: each for each in told["checks"]}


def alive() -> None:
    """As if a worker and a clock had just given a sign of life."""
    beat("worker")
    beat("clock")


def heard(kind: str, name: str, *, seconds: int) -> None:
    """As if that process had given its last sign of life so long ago."""
    db.session.execute(
        text(
            "INSERT INTO heartbeats (kind, name, at)"
            " VALUES (:kind, :name, clock_timestamp() - make_interval(secs => :seconds))"
        ),
        {"kind": kind, "name": name, "seconds": seconds},
    )
    db.session.commit()


def test_a_healthy_installation_has_no_fault(shell: Shell) -> None:
    alive()
    found = checks(shell, 0)
    assert set(found) == {
        "massadmin", "data folder", "secret key", "files folder", "disk", "disk for files",
        "servers", "database", "migrations", "workers", "clocks", "work", "queue",
    }  # fmt: skip
    assert found["database"]["found"].startswith("PostgreSQL 18")
    assert found["queue"]["found"].startswith("Valkey")
    assert found["workers"]["found"].startswith("1 alive")
    lines = shell("doctor").out.splitlines()
    assert len(lines) == len(found)
    assert all(" ok " in line for line in lines)


def test_stopped_workers_and_clocks_are_faults_with_advice(shell: Shell) -> None:
    found = checks(shell, 1)
    assert {name for name, each in found.items() if not each["ok"]} == {"workers", "clocks"}
    assert "massadmin worker" in found["workers"]["do"]
    assert "FAULT" in shell("doctor").out


def test_those_that_were_killed_are_named_with_their_machine(shell: Shell) -> None:
    alive()
    for number in range(1, 6):
        heard("worker", f"machine-b {number}", seconds=60 * number)
    heard("clock", "machine-b 9", seconds=7_200)
    found = checks(shell, 0)
    alive_here = my_name()
    assert found["workers"]["found"] == (
        f"1 alive: {alive_here}; killed or cut off: machine-b 1 60 s ago, machine-b 2 120 s ago, "
        "machine-b 3 180 s ago and 2 more"
    )
    assert found["clocks"]["found"] == f"1 alive: {alive_here}"


def test_several_machines_need_a_shared_folder_and_key(shell: Shell, tmp_path: Path) -> None:
    alive()
    assert not {"shared files", "shared key"} & set(checks(shell, 0))
    heard("worker", "machine-b 1", seconds=1)
    shared = {"MASSADMIN_FILES_DIR": str(tmp_path / "shared"), "SECRET_KEY": "of both machines"}
    for variable, name in (("MASSADMIN_FILES_DIR", "shared files"), ("SECRET_KEY", "shared key")):
        found = checks(shell, 1, **shared | {variable: ""})
        assert {key for key, each in found.items() if not each["ok"]} == {name}
        assert "machine-b" in found[name]["found"]
        assert variable in found[name]["do"]
    found = checks(shell, 0, **shared)
    assert found["shared files"]["ok"]
    assert found["shared key"]["ok"]


def test_a_key_that_can_be_guessed_is_a_fault_and_is_not_repeated(shell: Shell) -> None:
    alive()
    found = checks(shell, 1, SECRET_KEY="hunter2")
    assert {name for name, each in found.items() if not each["ok"]} == {"secret key"}
    assert "SECRET_KEY" in found["secret key"]["found"]
    assert "openssl rand" in found["secret key"]["do"]
    assert "hunter2" not in str(found)


def test_a_database_that_is_away_hides_nothing_else(shell: Shell) -> None:
    found = checks(shell, 1, DATABASE_URL=NOWHERE)
    assert not found["database"]["ok"]
    assert "DATABASE_URL" in found["database"]["do"]
    assert "hidden" not in str(found)
    assert found["queue"]["ok"]


def test_a_queue_that_is_away_hides_nothing_else(shell: Shell) -> None:
    alive()
    found = checks(shell, 1, REDIS_URL="redis://:hidden@127.0.0.1:1/0")
    assert {name for name, each in found.items() if not each["ok"]} == {"queue"}
    assert "REDIS_URL" in found["queue"]["do"]
    assert "hidden" not in str(found)


def test_an_embedded_server_that_does_not_answer_is_waited_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @contextmanager
    def away(settings: Settings) -> Iterator[Settings]:
        yield replace(settings, database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0")

    monkeypatch.setattr(doctor, "services", away)
    found = checks(shell, 1, MASSADMIN_DATA_DIR=str(tmp_path), DATABASE_URL="", REDIS_URL="")
    for part, log in (("database", "postgres.log"), ("queue", "valkey.log")):
        assert "within seconds" in found[part]["do"]
        assert str(tmp_path / log) in found[part]["do"]


def test_a_database_without_tables_is_a_fault_and_is_left_so(
    shell: Shell, empty_database: str
) -> None:
    found = checks(shell, 1, DATABASE_URL=empty_database)
    assert not found["migrations"]["ok"]
    assert "massadmin migrate" in found["migrations"]["do"]
    assert found["database"]["ok"]
    assert not checks(shell, 1, DATABASE_URL=empty_database)["migrations"]["ok"]


def test_work_that_nobody_takes_is_a_fault(shell: Shell, admin: User) -> None:
    alive()
    some_contacts(250)
    run = start_action("add_tags", admin, tags="x")
    assert checks(shell, 0)["work"]["ok"]
    for column, table in (("created_at", "runs"), ("due_at", "run_chunks")):
        db.session.execute(text(f"UPDATE {table} SET {column} = now() - interval '5 minutes'"))
    db.session.commit()
    found = checks(shell, 1)["work"]
    assert found["found"].startswith("3 chunks of 1 runs wait")
    assert "start more" in found["do"]
    shell("runs", "pause", run.id)
    assert checks(shell, 0)["work"]["found"] == "none waits"


def test_secrets_that_others_can_read_are_faults(shell: Shell, tmp_path: Path) -> None:
    alive()
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "secret_key").write_text("abc")
    (folder / "secret_key").chmod(0o644)
    folder.chmod(0o755)
    found = checks(shell, 1, MASSADMIN_DATA_DIR=str(folder), SECRET_KEY="")
    assert f"chmod 700 {folder}" in found["data folder"]["do"]
    assert f"chmod 600 {folder / 'secret_key'}" in found["secret key"]["do"]


def test_a_folder_with_other_uses_is_not_to_be_closed(shell: Shell, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    found = checks(shell, 1, MASSADMIN_DATA_DIR=str(shared))
    assert "a folder of its own" in found["data folder"]["do"]
    assert "chmod" not in found["data folder"]["do"]


def test_servers_that_do_not_start_are_a_fault(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "postgres").write_text("not a folder")
    found = checks(shell, 1, MASSADMIN_DATA_DIR=str(folder), DATABASE_URL="")
    assert not found["servers"]["ok"]
    assert "postgres.log" in found["servers"]["do"]
    assert found["queue"]["ok"]


def test_a_full_disk_is_a_fault(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    alive()
    monkeypatch.setattr(machine, "LEAST_FREE", 1 << 60)
    assert "PostgreSQL stops" in checks(shell, 1)["disk"]["do"]


def test_a_files_folder_that_cannot_be_used_is_a_fault(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive()
    (tmp_path / "file").write_text("not a folder")
    found = checks(shell, 1, MASSADMIN_FILES_DIR=str(tmp_path / "file" / "inside"))["files folder"]
    assert found["found"] == f"{tmp_path / 'file'} is no folder"
    assert "MASSADMIN_FILES_DIR" in found["do"]
    later = tmp_path / "later"
    found = checks(shell, 0, MASSADMIN_FILES_DIR=str(later))["files folder"]
    assert found["found"] == f"{later}, not made yet"
    assert not later.exists()
    # Tests may run as root, who may write anywhere.
    monkeypatch.setattr("os.access", lambda path, _mode: path != tmp_path)
    found = checks(shell, 1, MASSADMIN_FILES_DIR=str(later))["files folder"]
    assert found["found"] == f"{tmp_path} cannot be written to"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("unix://:se@cret@/run/valkey.sock?db=0", "unix://:***@/run/valkey.sock?db=0"),
        ("rediss://me:secret@host/0", "rediss://me:***@host/0"),
        ("redis://host/0", "redis://host/0"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert doctor.masked(url) == shown


def test_migrating_brings_a_database_to_the_newest(shell: Shell, empty_database: str) -> None:
    first = shell.json("migrate", DATABASE_URL=empty_database)
    assert first == {"applied": schema.migrations()}
    assert shell.json("migrate", DATABASE_URL=empty_database) == {"applied": []}


def test_a_command_migrates_an_empty_database_by_itself(shell: Shell, empty_database: str) -> None:
    said = shell("seed", "--contacts", 5, DATABASE_URL=empty_database)
    assert said.status == 0
    assert shell.json("count", "contacts", DATABASE_URL=empty_database) == {"count": 5}


def test_a_database_of_another_version_is_left_alone(shell: Shell, empty_database: str) -> None:
    shell("migrate", DATABASE_URL=empty_database)
    for at, advice in (("0001", "massadmin migrate"), ("9999", "update this program")):
        with superuser(empty_database, empty_database.rpartition("/")[2].partition("?")[0]) as to:
            to.execute("UPDATE alembic_version SET version_num = %s", (at,))
        assert advice in shell.refused("count", "contacts", DATABASE_URL=empty_database)
    assert "update this program" in shell.refused("migrate", DATABASE_URL=empty_database)


def test_two_benches_at_once_would_measure_each_other(shell: Shell) -> None:
    with db.engine.connect() as other:
        other.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
        assert shell.refused("bench", "--contacts", 100) == (
            "another bench is going on in this database"
        )
        other.invalidate()


def test_the_bench_measures_and_leaves_nothing_behind(shell: Shell, admin: User) -> None:
    some_contacts(3)
    told = shell.json("bench", "--contacts", 200, "--repeat", 1)
    assert (told["contacts"], told["repeat"]) == (200, 1)
    assert list(told["seconds"]) == [
        "freeze", "add a tag", "undo it", "set a field", "undo that",
    ]  # fmt: skip
    assert all(each["engine"] > 0 for each in told["seconds"].values())
    assert shell.json("count", "contacts") == {"count": 3}
    assert shell.json("runs")["runs"] == []
    schemas = db.session.scalars(text("SELECT nspname FROM pg_namespace")).all()
    assert "massadmin_bench" not in schemas


def test_a_data_folder_that_is_a_file_is_named(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    found = checks(shell, 1, MASSADMIN_DATA_DIR=str(path))["data folder"]
    assert found["found"] == f"{path} is no folder"
    assert "MASSADMIN_DATA_DIR" in found["do"]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (BadSetting("MASSADMIN_DATA_DIR=/x cannot be used"), "Name a folder"),
        (NoEmbedded("Valkey did not start: bad file"), "mv {folder}/valkey"),
        (NoEmbedded("PostgreSQL did not start: no file"), "{folder}/postgres.log"),
    ],
)
def test_servers_that_do_not_start_have_a_cure(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, advice: str
) -> None:
    def fail(settings: Settings) -> Any:
        raise error

    monkeypatch.setattr(doctor, "services", fail)
    found = checks(shell, 1, MASSADMIN_DATA_DIR=str(tmp_path))["servers"]
    assert found["found"] == str(error)
    assert advice.format(folder=tmp_path) in found["do"]


@pytest.mark.parametrize("words", [("migrate",), ("count", "contacts")])
def test_a_database_that_is_no_place_for_tables_is_one_line(
    shell: Shell, empty_database: str, words: tuple[str, ...]
) -> None:
    with superuser(empty_database, "itself, by its owner") as owner:
        owner.execute("CREATE TABLE users ()")
        assert "name an empty one" in shell.refused(*words, DATABASE_URL=empty_database)
        owner.execute("REVOKE ALL ON SCHEMA public FROM pg_database_owner")
        assert "permission denied" in shell.refused(*words, DATABASE_URL=empty_database)
