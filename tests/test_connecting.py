"""What makes a lost connection be noticed; the fault itself is tried in `tests/faults`."""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from massadmin.connecting import TO_POSTGRESQL, to_valkey
from massadmin.runs import dispatch


def test_a_socket_of_this_machine_is_never_lost() -> None:
    assert to_valkey("unix://:secret@/run/valkey.sock?db=0") == {}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know fewer of these options")
@pytest.mark.parametrize("patient", [False, True])
def test_what_the_queue_does_not_confirm_ends_the_connection(patient: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        with dispatch.connect(url, patient=patient) as queue:
            line = queue.connection_pool.make_connection()._connect()
            with line:
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
                assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know fewer of these options")
def test_the_database_is_told_to_notice_too_and_to_write_times_in_one_zone() -> None:
    told = b""

    def greet(server: socket.socket) -> None:
        nonlocal told
        line, _ = server.accept()
        with line:
            told = line.recv(10_000)
            line.sendall(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")  # welcome, ready
            line.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as other:
        greeted = other.submit(greet, server)
        host, port = server.getsockname()
        address = make_conninfo(f"postgresql://u@{host}:{port}/n?sslmode=disable", **TO_POSTGRESQL)
        with psycopg.connect(address) as connection:
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 10
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
            assert connection.info.get_parameters()["connect_timeout"] == "10"
        greeted.result(10)
    options = told.decode("latin-1").split("\0")
    assert set(options[options.index("options") + 1].replace("-c ", "").split()) == {
        "timezone=UTC",
        "tcp_keepalives_idle=30",
        "tcp_keepalives_interval=10",
        "tcp_keepalives_count=3",
        "tcp_user_timeout=30000",
    }
