"""Processes of the console that need not import it first: that takes a second of a processor, and
these tests start hundreds of them.

They are forked by a process that has imported everything and done nothing else. From then on they
are like any other: with a process group, an environment, a log and an exit status of their own.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import massadmin
from tests.faults import mutant

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        each.name
        for each in pkgutil.walk_packages(massadmin.__path__, "massadmin.")
        if not each.name.endswith("__main__")
    ]
)


def start(
    environ: dict[str, str],
    arguments: Sequence[str],
    replaced: Sequence[str],
    log: Path,
    first: Callable[[], None] | None = None,
) -> ForkServerProcess:
    """Start `massadmin ARGUMENTS` with parts of its code `replaced`, as `mutant` has it; the
    process does `first` before it begins."""
    words = (environ, arguments, replaced, log, first)
    process = _context.Process(target=_be, args=words, daemon=True)
    log.touch()
    process.start()
    return process


def _be(
    environ: dict[str, str],
    arguments: Sequence[str],
    replaced: Sequence[str],
    log: Path,
    first: Callable[[], None] | None,
) -> None:
    os.setpgid(0, 0)
    output = os.open(log, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environ)
    # Nothing is left to compile but what was replaced.
    sys.dont_write_bytecode = True
    mutant.replace(replaced)
    if first is not None:
        first()
    from massadmin.cli import main

    main(list(arguments))
