"""Data folders with servers of their own, away from the ones that the other tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from massadmin.config import Settings
from massadmin.embedded.services import services
from tests.embedded.processes import User, answer, eventually, processes

# A process that uses the servers of a folder until its standard input closes.
USER = """
import json, sys
from pathlib import Path
from massadmin.config import Settings
from massadmin.embedded.services import services
settings = Settings.from_env({}, data_dir=Path(sys.argv[1]))
with services(settings, durable=sys.argv[2] == "durable") as found:
    print(json.dumps([found.database_url, found.redis_url]), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data_dir(tmp_path: Path, created: Path) -> Iterator[Path]:
    """A folder whose cluster exists already; nothing may be left running on it."""
    path = tmp_path / "data"
    subprocess.run(["cp", "-a", str(created), str(path)], check=True)
    yield path
    assert eventually(lambda: not processes(path)), processes(path)


@pytest.fixture(scope="session")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("created") / "data"
    with services(Settings.from_env({}, data_dir=path), durable=False):
        pass
    return path


@pytest.fixture
def start_user(data_dir: Path) -> Iterator[Callable[..., User]]:
    """Start other processes that use `data_dir`."""
    started: list[subprocess.Popen[str]] = []

    def start(mode: str = "fast", wait: bool = True) -> User:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        started.append(process)
        user = User(process, "", "")
        if wait:
            answer(user)
        return user

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
