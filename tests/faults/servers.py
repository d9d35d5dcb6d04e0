"""Servers of a test's own, to be hurt: nobody but the test starts them again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from massadmin.embedded.postgres import Postgres
from massadmin.embedded.private import private_dir
from massadmin.embedded.short_path import forget, short_path
from massadmin.embedded.valkey import Valkey
from tests.processes import free_port, until


class Server:
    """A PostgreSQL or a Valkey as `massadmin up` runs it, in a folder of its own."""

    def __init__(self, server: Postgres | Valkey, folder: Path) -> None:
        self._server = server
        self.url = server.url(short_path(folder))
        server.prepare()

    def start(self) -> None:
        """Start it; it answers."""
        self._server.child.start()
        until(self._answers, f"{self._server.child.name} answers")

    def stop(self) -> None:
        """Shut it down in order, whoever may be connected."""
        self._server.child.stop()

    def kill(self) -> None:
        """kill -9."""
        self._server.child.kill()

    def _answers(self) -> bool:
        assert self._server.child.alive, self._server.log.read_text()
        try:
            if isinstance(self._server, Valkey):
                with redis.Redis.from_url(self.url) as queue:
                    return bool(queue.ping())
            with psycopg.connect(self.url.replace("+psycopg", "")):
                return True
        except (redis.RedisError, psycopg.OperationalError):
            return False


@contextmanager
def own(kind: type[Postgres] | type[Valkey], folder: Path) -> Iterator[Server]:
    """A running server, whose files are in `folder`."""
    private_dir(folder)
    server = Server(kind(folder), folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        forget(folder)


@dataclass(frozen=True)
class Outside:
    """The addresses of a PostgreSQL and a Valkey that others run; `superuser` is for the tests."""

    database_url: str
    redis_url: str
    superuser: str


@contextmanager
def outside(folder: Path, host: str) -> Iterator[Outside]:
    """Both servers, listening on the network at `host` and asking everybody for a password."""
    private_dir(folder)
    postgres, valkey = Postgres(folder, durable=False), Valkey(folder, durable=False)
    ports = free_port(), free_port()
    there = f"{host}:{ports[0]}"
    try:
        postgres.prepare()
        access = postgres.files / "pg_hba.conf"
        access.write_text("host all all samenet scram-sha-256\n" + access.read_text())
        listening = ("-c", f"listen_addresses={host}", "-c", f"port={ports[0]}")
        postgres.child.argv = [*postgres.child.argv, *listening]
        valkey.prepare()
        config = valkey.child.stdin.decode()
        config = config.replace("port 0\n", f"port {ports[1]}\nbind {host}\n")
        password = re.findall("requirepass (.+)", config)[0]
        valkey.child.stdin = config.encode()
        postgres.child.start()
        valkey.child.start()
        files = quote(str(short_path(folder) / "postgres"))
        superuser = f"postgresql://postgres@/massadmin?host={files}&port={ports[0]}"
        until(lambda: _lets_in(superuser), "PostgreSQL answers")
        with psycopg.connect(superuser) as connection:
            connection.execute("ALTER ROLE massadmin PASSWORD 'p@ss/word'")
        yield Outside(
            f"postgresql://massadmin:p%40ss%2Fword@{there}/massadmin",
            f"redis://:{password}@{host}:{ports[1]}/0",
            superuser,
        )
    finally:
        postgres.child.kill()
        valkey.child.kill()
        forget(folder)


def _lets_in(address: str) -> bool:
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True
