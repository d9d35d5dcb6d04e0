"""Looking at processes from outside, with deadlines instead of naps."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil


def processes(data_dir: Path) -> list[psutil.Process]:
    """Every process that has to do with `data_dir`: it is named in its arguments or works in it."""
    found = []
    psutil.process_iter.cache_clear()  # it would remember what a process was before `exec`
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(data_dir) in f"{process.cwd()} {process.cmdline()}":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def eventually(what: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether `what` comes true in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@dataclass
class User:
    process: subprocess.Popen[str]
    database_url: str
    redis_url: str

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def answer(user: User) -> User:
    """Wait until the other process has its addresses."""
    assert user.process.stdout is not None
    line = user.process.stdout.readline()
    assert line, "the other process ended without a word"
    user.database_url, user.redis_url = json.loads(line)
    return user
