"""Servers of a test's own, to be hurt: nobody but the test starts them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from massadmin.embedded.postgres import Postgres
from massadmin.embedded.private import private_dir
from massadmin.embedded.short_path import forget, short_path
from massadmin.embedded.valkey import Valkey
from tests.processes import until


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
