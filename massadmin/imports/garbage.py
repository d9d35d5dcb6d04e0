"""Garbage: not looked for while blocks of rows are worked on.

Some thousands of rows are as many lists and tuples, none of which refers to another, so counting
references frees them all. Looking for those that do walks through everything again and again: a
third of what reading a file's rows takes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No cycles are collected inside, nor in other threads, so that should be a block of rows and
    not a file. The last of several threads need not be the one that turns it on again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
