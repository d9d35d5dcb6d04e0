"""Who gives way: a worker, and the embedded server as far as it works for that worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

from massadmin.config import Settings
from massadmin.giving_way import NICENESS, let_server_give_way

# How nice a worker and the process of the server that works for it are.
WORKER = """
import os, sys
import psutil
from sqlalchemy import create_engine, text
from massadmin.giving_way import give_way

engine = create_engine(sys.argv[1])
give_way(engine)
with engine.connect() as connection:
    server = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))
    print(psutil.Process().nice(), server.nice())
"""


def niceness(url: str) -> list[int]:
    said = subprocess.run(
        [sys.executable, "-c", WORKER, url], capture_output=True, text=True, check=True
    )
    return [int(each) for each in said.stdout.split()]


def test_a_worker_and_its_part_of_the_embedded_server_give_way(served: Settings) -> None:
    assert niceness(served.database_url) == [NICENESS, NICENESS]


def test_another_server_is_left_as_it_is(served: Settings, tmp_path: Path) -> None:
    url = make_url(served.database_url)
    name = ".s.PGSQL.5432"
    (tmp_path / name).symlink_to(Path(str(url.query["host"])) / name)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    elsewhere = url.update_query_dict({"host": str(tmp_path)})
    assert niceness(elsewhere.render_as_string(hide_password=False)) == [NICENESS, ours]


def test_one_connection_gives_way_and_not_who_asked_for_it(served: Settings) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with psycopg.connect(served.database_url.replace("+psycopg", "")) as connection:
        let_server_give_way(connection)
        server = psutil.Process(connection.info.backend_pid)
        assert [server.nice(), os.getpriority(os.PRIO_PROCESS, 0)] == [NICENESS, ours]
