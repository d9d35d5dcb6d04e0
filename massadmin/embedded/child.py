"""Turns itself into another program that cannot outlive the process that asked for it.

Run by its path, as a script that needs the standard library only: what it becomes may be a server
of another user, and `fork` alone would carry the threads and memory of whoever asked.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(number: int) -> None:
    """Have Linux send this process signal `number` when its parent ends. Elsewhere: nothing.

    The parent is the thread that forked; a change of user id clears this, `exec` keeps it.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def _hold(path: str, patience: float) -> None:
    # The lock belongs to the open file, which the program inherits together with everything that
    # it forks: as long as one of them lives, no second one can start on the same files.
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"{path} is held by a process that does not end")
            time.sleep(0.02)
    os.set_inheritable(held, True)


def _become(spec: dict[str, Any]) -> NoReturn:
    """Change user, tie to the parent, and become the program. Raises OSError."""
    if spec["uid"] is not None:
        os.setgroups([])
        os.setgid(spec["gid"])
        os.setuid(spec["uid"])
    for name in spec["remove"]:
        # As the new user: what root removes in a folder of another user, that user chooses.
        Path(name).unlink(missing_ok=True)
    if spec["pipe"] is None:
        die_with_parent(spec["signal"])
        if os.getppid() != spec["parent"]:
            sys.exit("the parent has ended already")
    os.execv(spec["argv"][0], spec["argv"])  # noqa: S606 - no shell is wanted


def _watch(spec: dict[str, Any]) -> int:
    """Where the kernel sends no signal: run the program and end it when the pipe closes."""
    child = os.fork()
    if child == 0:
        os.close(spec["pipe"])
        _become(spec)

    def pass_on(number: int, frame: object) -> None:
        os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, pass_on)
    deadline = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if deadline is None:
            if select.select([spec["pipe"]], [], [], 0.1)[0]:
                if spec["signal"] == signal.SIGKILL:
                    os.killpg(0, signal.SIGKILL)  # and ourselves, and what it started
                os.kill(child, spec["signal"])
                deadline = time.monotonic() + 10
        else:
            time.sleep(0.05)
            if time.monotonic() > deadline:
                os.killpg(0, signal.SIGKILL)


def main() -> None:
    spec = json.loads(sys.argv[1])
    try:
        if spec["lock"] is not None:
            _hold(spec["lock"], spec["lock_patience"])
        if spec["cwd"] is not None:
            os.chdir(spec["cwd"])
        if spec["pipe"] is not None:
            sys.exit(_watch(spec))
        _become(spec)
    except OSError as error:
        sys.exit(f"cannot start {spec['argv'][0]}: {error}")


if __name__ == "__main__":
    main()
