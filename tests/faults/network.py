"""Another machine on this one: a network namespace, joined to us by a cable that can be cut."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

IP = shutil.which("ip") or "/usr/sbin/ip"
NOBODY = "02:00:00:00:00:99"
CLONE_NEWNET = 0x40000000


def move_to(name: str) -> None:
    """From now on this process is on the network of the machine `name`."""
    with open(f"/run/netns/{name}") as place:  # noqa: PTH123 - a descriptor is needed, not a file
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"{name} cannot be entered")


def _ip(*words: str) -> str:
    done = subprocess.run([IP, *words], check=True, capture_output=True, text=True)
    return done.stdout


class Elsewhere:
    """The other machine. Processes that `move_to` it reach us at `our_address`."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"ma{number}"
        net = f"10.213.{number % 250 + 1}"
        self.our_address, self.address = f"{net}.1", f"{net}.2"
        _ip("netns", "add", self.name)
        cable = ("link", "add", self.name, "type", "veth")
        _ip(*cable, "peer", "name", "eth0", "netns", self.name)
        _ip("address", "add", f"{self.our_address}/24", "dev", self.name)
        _ip("-n", self.name, "address", "add", f"{self.address}/24", "dev", "eth0")
        _ip("link", "set", self.name, "up")
        _ip("-n", self.name, "link", "set", "eth0", "up")

    def cut(self) -> None:
        """From now on what either sends is lost on the way, and nobody is told."""
        self._there(NOBODY, NOBODY)

    def mend(self) -> None:
        """Join them again."""
        ours = _ip("-o", "link", "show", self.name).partition("link/ether ")[2][:17]
        theirs = _ip("-n", self.name, "-o", "link", "show", "eth0")
        self._there(theirs.partition("link/ether ")[2][:17], ours)

    def _there(self, theirs: str, ours: str) -> None:
        """Which hardware each takes the other for."""
        lasting = ("nud", "permanent")
        _ip("neigh", "replace", self.address, "lladdr", theirs, "dev", self.name, *lasting)
        where = ("-n", self.name, "neigh", "replace", self.our_address)
        _ip(*where, "lladdr", ours, "dev", "eth0", *lasting)

    def close(self) -> None:
        """Take it away; the cable goes with it."""
        _ip("netns", "delete", self.name)


@contextmanager
def elsewhere() -> Iterator[Elsewhere | None]:
    """Another machine; None where we may not make one."""
    try:
        machine = Elsewhere()
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield machine
    finally:
        machine.close()
