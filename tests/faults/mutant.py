"""Massadmin with a part of its code replaced, to see whether a test notices."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path


def replaced(module: str, old: str, new: str) -> str:
    """The source of `module` with `old`, which must stand in it exactly once, as `new`."""
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin).read_text() if spec and spec.origin else ""
    if source.count(old) != 1:
        raise RuntimeError(f"{old!r} does not stand exactly once in {module}")
    return source.replace(old, new)


def replace(parts: Sequence[str]) -> None:
    """Load the modules so; `parts` are MODULE, OLD, NEW, and again. The rest is loaded anew."""
    if not parts:
        return
    for name in [each for each in sys.modules if each.partition(".")[0] == "massadmin"]:
        del sys.modules[name]
    for at in range(0, len(parts), 3):
        _replace(*parts[at : at + 3])


def _replace(module: str, old: str, new: str) -> None:
    source = replaced(module, old, new)
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert module not in sys.modules, f"{module} is loaded already"
    changed = importlib.util.module_from_spec(spec)
    sys.modules[module] = changed
    exec(compile(source, spec.origin or module, "exec"), changed.__dict__)  # noqa: S102 - the product's own source
    parent, _, name = module.rpartition(".")
    setattr(sys.modules[parent], name, changed)
