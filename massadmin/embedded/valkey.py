"""Valkey 9 in the data folder: append-only, never evicting, behind a password and a socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from massadmin.embedded.children import Child
from massadmin.embedded.private import kept_secret
from massadmin.embedded.programs import unprivileged, valkey_home

SOCKET = "valkey.sock"


class Valkey:
    """The server whose files are in `data_dir/valkey`."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.files = data_dir / "valkey"
        self.log = data_dir / "valkey.log"
        self._owner = unprivileged(self.files)
        self._password = kept_secret(data_dir / "valkey_password")
        self.child = Child(
            name="Valkey",
            argv=[str(valkey_home(self._owner) / "valkey-server"), "-"],
            orphan_signal=signal.SIGTERM,  # it flushes its log, then ends
            patience=20.0,
            cwd=self.files,
            owner=self._owner,
            environ={"PATH": os.defpath},
            # Valkey itself does not notice a second server that writes the same log.
            lock=data_dir / "valkey.lock",
            # By standard input: arguments are there for every user of the machine to read.
            stdin=_config(self._password, durable=durable).encode(),
            output=self.log,
        )

    def url(self, base: Path) -> str:
        """For redis-py; `base` is a path to the data folder that is short enough for a socket."""
        return f"unix://:{self._password}@{quote(str(base / 'valkey' / SOCKET))}?db=0"

    def prepare(self) -> None:
        """Make its folder."""
        if not self.files.is_dir():
            self.files.mkdir(mode=0o700)
            if self._owner is not None:
                os.chown(self.files, self._owner.uid, self._owner.gid)

    def ready(self) -> bool:
        """Whether it answers. The working folder of the caller is the data folder."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            line.connect(f"valkey/{SOCKET}")  # from here the path is short, wherever we are
            line.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                more = line.recv(1024)
                if not more:
                    return False
                answer += more
            return answer == b"+OK\r\n+PONG\r\n"
        return False


def _config(password: str, *, durable: bool) -> str:
    return "\n".join(
        [
            "port 0",
            f"unixsocket {SOCKET}",
            "unixsocketperm 700",
            f"requirepass {password}",
            f"appendonly {'yes' if durable else 'no'}",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "databases 64",
            "loglevel warning",
            "",
        ]
    )
