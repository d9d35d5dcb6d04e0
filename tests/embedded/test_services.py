"""The embedded servers from outside: started, shared, killed, found again."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from massadmin.config import Settings
from massadmin.embedded import private, programs
from massadmin.embedded.keeper import LARGEST_LOG
from massadmin.embedded.programs import NoEmbedded
from massadmin.embedded.services import Share, connected, services
from massadmin.embedded.sharing import running
from tests.embedded.processes import User, answer, eventually, processes


def settings_of(data_dir: Path, **more: str) -> Settings:
    return Settings.from_env({}, data_dir=data_dir, **more)


def query(database_url: str, sql: str) -> list[tuple[object, ...]]:
    address = database_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def queue(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


def test_a_first_start_creates_everything_and_leaves_nothing_running(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    with services(settings_of(data_dir)) as found:
        assert query(found.database_url, "SELECT current_user, current_database()") == [
            ("massadmin", "massadmin")
        ]
        assert query(found.database_url, "SHOW fsync") == [("on",)]
        assert query(found.database_url, "SHOW max_wal_size") == [("4GB",)]
        assert query(found.database_url, "SELECT to_tsvector('simple', 'O’Brien Łódź')::text") == [
            ("'brien':2 'o':1 'łódź':3",)
        ]
        with queue(found.redis_url) as line:
            assert line.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert line.config_get("append*sync") == {"appendfsync": "everysec"}
            assert line.config_get("appendonly") == {"appendonly": "yes"}
        assert not [
            connection
            for process in processes(data_dir)
            for connection in process.net_connections("inet")
        ]
    assert running(data_dir) is None
    assert eventually(lambda: not processes(data_dir), 2)


def test_set_addresses_are_used_as_they_are(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path / "data", database_url="postgres://u:p@h/n", redis_url="redis://h"
    )
    with services(settings) as found:
        assert found.database_url == "postgresql+psycopg://u:p@h/n"
        assert found.redis_url == "redis://h"
    assert not (tmp_path / "data").exists()


def test_only_what_is_not_set_is_served(data_dir: Path) -> None:
    with services(settings_of(data_dir, database_url="postgresql://h/n"), durable=False) as found:
        assert found.database_url == "postgresql+psycopg://h/n"
        with queue(found.redis_url) as line:
            assert line.ping()
        assert not (data_dir / "postgres" / "postmaster.pid").exists()
        with pytest.raises(NoEmbedded, match="set the same here"):
            Share(data_dir).enter()


def test_the_last_of_several_users_stops_the_servers(
    data_dir: Path, start_user: Callable[..., User]
) -> None:
    first = start_user()
    with services(settings_of(data_dir)) as second:
        assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)
        first.leave()
        # Longer than the keeper takes to notice an empty house.
        assert not eventually(lambda: running(data_dir) is None, 0.5)
        assert query(second.database_url, "SELECT 1") == [(1,)]
        assert connected(settings_of(data_dir)).redis_url == second.redis_url
    assert eventually(lambda: not processes(data_dir), 2)
    with pytest.raises(NoEmbedded, match="massadmin up"):
        connected(settings_of(data_dir))


def test_users_that_come_at_once_get_the_same_servers(
    data_dir: Path, start_user: Callable[..., User]
) -> None:
    users = [answer(user) for user in [start_user(wait=False) for _ in range(3)]]
    assert len({(user.database_url, user.redis_url) for user in users}) == 1
    found = running(data_dir)
    assert found is not None
    for user in users:
        user.leave()
    assert eventually(lambda: not processes(data_dir), 2)


def test_a_killed_user_leaves_no_process_and_its_data_survives(
    data_dir: Path, start_user: Callable[..., User]
) -> None:
    user = start_user("durable")
    query(user.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with queue(user.redis_url) as line:
        line.set("kept", "42")
    assert len(processes(data_dir)) > 3
    user.process.kill()
    assert eventually(lambda: not processes(data_dir))
    with services(settings_of(data_dir)) as found:
        assert query(found.database_url, "SELECT answer FROM kept") == [(42,)]
        with queue(found.redis_url) as line:
            assert line.get("kept") == b"42"


def test_what_a_power_cut_left_is_not_taken_for_a_server_that_is_ready(data_dir: Path) -> None:
    status = data_dir / "postgres" / "postmaster.pid"
    with services(settings_of(data_dir)):
        last_word = status.read_text()
    assert last_word.split()[-1] == "ready"
    assert not status.exists()
    status.write_text(last_word)
    with services(settings_of(data_dir)) as found:
        assert query(found.database_url, "SELECT 1") == [(1,)]


def test_a_process_that_has_the_number_of_a_dead_server_is_not_taken_for_it(data_dir: Path) -> None:
    status = data_dir / "postgres" / "postmaster.pid"
    with services(settings_of(data_dir)):
        _, *others = status.read_text().splitlines(keepends=True)
        owner = status.stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None) as somebody:
        status.write_text("".join([f"{somebody.pid}\n", *others]))
        with services(settings_of(data_dir)) as found:
            assert query(found.database_url, "SELECT 1") == [(1,)]
        somebody.kill()


def test_logs_that_have_grown_are_begun_anew(data_dir: Path) -> None:
    logs = [data_dir / name for name in ("services.log", "postgres.log", "valkey.log")]
    for log in logs:
        log.touch()
        os.truncate(log, LARGEST_LOG + 1)
    with services(settings_of(data_dir)):
        pass
    for log in logs:
        assert log.with_name(f"{log.name}.1").stat().st_size == LARGEST_LOG + 1
        assert log.stat().st_size < 10_000


def test_servers_end_when_their_folder_is_gone(data_dir: Path) -> None:
    share = Share(data_dir)
    share.enter()
    servers = processes(data_dir)
    assert len(servers) > 2
    away = data_dir.rename(data_dir.with_name("away"))
    assert eventually(lambda: not any(process.is_running() for process in servers))
    away.rename(data_dir)
    share.leave()


def test_a_killed_keeper_takes_its_servers_along_and_is_replaced(data_dir: Path) -> None:
    share = Share(data_dir)
    before = share.enter()
    query(before.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    servers = [process for process in processes(data_dir) if process.pid != before.keeper]
    next(p for p in processes(data_dir) if p.pid == before.keeper).kill()
    assert eventually(lambda: not any(process.is_running() for process in servers))
    after = share.ensure()
    assert after.keeper != before.keeper
    assert after.database_url == before.database_url
    assert query(after.database_url, "SELECT answer FROM kept") == [(42,)]
    share.leave()


@pytest.mark.parametrize("program", ["postgres", "valkey-server"])
def test_a_server_that_dies_is_started_again(data_dir: Path, program: str) -> None:
    def is_server(process: psutil.Process) -> bool:
        try:
            named = process.exe().endswith(program) and process.name() in (program, "valkey-server")
            return named and process.ppid() == keeper
        except psutil.NoSuchProcess:  # it has just ended
            return False

    def servers() -> list[int]:
        return [process.pid for process in processes(data_dir) if is_server(process)]

    with services(settings_of(data_dir), durable=False) as found:
        addresses = running(data_dir)
        assert addresses is not None
        keeper = addresses.keeper
        (before,) = servers()
        next(p for p in processes(data_dir) if p.pid == before).kill()
        assert eventually(lambda: servers() not in ([], [before]))

        def answers() -> bool:
            try:
                with queue(found.redis_url) as line:
                    return query(found.database_url, "SELECT 1") == [(1,)] and bool(line.ping())
            except (psycopg.OperationalError, redis.ConnectionError):
                return False

        assert eventually(answers)
    said = (data_dir / "services.log").read_text()
    assert "ended (SIGKILL), starts again" in said


def test_a_keeper_that_is_told_to_end_waits_for_its_users(
    data_dir: Path, start_user: Callable[..., User]
) -> None:
    user = start_user()
    found = running(data_dir)
    assert found is not None
    next(p for p in processes(data_dir) if p.pid == found.keeper).send_signal(signal.SIGTERM)
    assert not eventually(lambda: running(data_dir) is None, 0.5)
    assert query(user.database_url, "SELECT 1") == [(1,)]
    user.leave()
    assert eventually(lambda: not processes(data_dir), 2)


def test_a_path_too_long_for_a_socket_is_reached_by_a_short_one(
    tmp_path: Path, created: Path
) -> None:
    data_dir = tmp_path / ("long" * 30) / "data"
    with services(settings_of(data_dir), durable=False) as found:
        assert "long" not in found.database_url + found.redis_url
        assert query(found.database_url, "SELECT 1") == [(1,)]
        with queue(found.redis_url) as line:
            assert line.ping()
        link = Path((data_dir / "short_path").read_text())
        assert stat.S_IMODE(link.parent.stat().st_mode) == 0o700
        first = found.database_url
    assert not link.parent.exists()
    with services(settings_of(data_dir), durable=False) as found:
        assert found.database_url == first


def test_what_others_must_not_read_is_private(data_dir: Path) -> None:
    settings = settings_of(data_dir)
    data_dir.chmod(0o755)
    with services(settings, durable=False) as found:
        key = private.secret_key(settings)
        assert len(key) == 64
        assert private.secret_key(settings) == key
        for name in (".", "postgres", "valkey"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o700
        for name in ("secret_key", "valkey_password", "services.json"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600
        password = (data_dir / "valkey_password").read_text().strip()
        assert password in found.redis_url
        assert not [p for p in processes(data_dir) if password in " ".join(p.cmdline())]
        with pytest.raises(redis.AuthenticationError):
            queue(found.redis_url.replace(password, "")).ping()


def test_a_machine_without_the_programs_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda name: None)
    with pytest.raises(NoEmbedded, match="set DATABASE_URL and REDIS_URL"):
        programs.postgres_home(None)
