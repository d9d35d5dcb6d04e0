"""Giving way: people who wait for a page come before what goes through thousands of records.

On one machine both want the same few cores. A page needs them for some thousandths of a second at
a time; a worker takes whatever there is, for as long as there is work.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import Engine, event

# As `nice` has it: 0 is like everybody, 19 the least. At 5, somebody who is like everybody gets
# three times as much of a core that both want. At 10 it would be nine times: then who holds a lock
# of the database hardly gets on, and those who wait for it wait longer than for the core.
NICENESS = 5


def give_way(engine: Engine) -> None:
    """From now on this process, and those of an embedded PostgreSQL that work for it through
    `engine`, take of the processor what others leave. Other servers are left as they are."""
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    event.listen(engine, "connect", lambda connection, _: let_server_give_way(connection))


def let_server_give_way(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """What an embedded PostgreSQL does for `connection` gives way, for as long as that is open;
    parallel processes that it starts for it do not."""
    process = connection.info.backend_pid
    # It may have ended already, and its machine may not let us.
    with contextlib.suppress(OSError, psutil.Error):
        if psutil.Process(process).ppid() == _embedded_server(connection.info.host):
            os.setpriority(os.PRIO_PROCESS, process, NICENESS)


def _embedded_server(host: str) -> int | None:
    """The process id of the server whose socket is in the folder `host`; None for any server but an
    embedded one, whose socket lies among its files."""
    folder = Path(host)
    if not folder.is_absolute():
        return None
    return int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
