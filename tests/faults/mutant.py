"""Massadmin with a part of its code replaced, to see whether a test notices.

python -m tests.faults.mutant MODULE OLD NEW [MODULE OLD NEW …] -- ARGUMENTS
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def replaced(module: str, old: str, new: str) -> str:
    """The source of `module` with `old`, which must stand in it exactly once, as `new`."""
    spec = importlib.util.find_spec(module)
    source = Path(spec.origin).read_text() if spec and spec.origin else ""
    if source.count(old) != 1:
        raise RuntimeError(f"{old!r} does not stand exactly once in {module}")
    return source.replace(old, new)


def replace(module: str, old: str, new: str) -> None:
    """Load `module` so."""
    source = replaced(module, old, new)
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert module not in sys.modules, f"{module} is loaded already"
    changed = importlib.util.module_from_spec(spec)
    sys.modules[module] = changed
    exec(compile(source, spec.origin or module, "exec"), changed.__dict__)  # noqa: S102 - the product's own source
    parent, _, name = module.rpartition(".")
    setattr(sys.modules[parent], name, changed)


if __name__ == "__main__":
    end = sys.argv.index("--")
    parts = sys.argv[1:end]
    for at in range(0, len(parts), 3):
        replace(*parts[at : at + 3])
    from massadmin.cli import main

    main(sys.argv[end + 1 :])
