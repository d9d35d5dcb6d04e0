"""What makes a lost connection be noticed; the fault itself is tried in `tests/faults`."""

from __future__ import annotations

import socket
import sys

import pytest

from massadmin.connecting import to_valkey
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
