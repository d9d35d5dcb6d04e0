"""Massadmin with a part of its code replaced, to see whether a test notices.

python -m tests.faults.mutant MODULE OLD NEW [MODULE OLD NEW …] -- ARGUMENTS
"""

from __future__ import annotations

import importlib.util
import sys


def replace(module: str, old: str, new: str) -> None:
    """Load `module` with `old`, which must stand in its source exactly once, as `new`."""
    if module in sys.modules:
        raise RuntimeError(f"{module} is loaded already")
    spec = importlib.util.find_spec(module)
    source = spec.loader.get_source(module) if spec and spec.loader else None  # type: ignore[attr-defined]  # the loader of a file has it
    if spec is None or not source or source.count(old) != 1:
        raise RuntimeError(f"{old!r} does not stand exactly once in {module}")
    changed = importlib.util.module_from_spec(spec)
    sys.modules[module] = changed
    exec(compile(source.replace(old, new), spec.origin or module, "exec"), changed.__dict__)  # noqa: S102 - the product's own source
    parent, _, name = module.rpartition(".")
    setattr(sys.modules[parent], name, changed)


if __name__ == "__main__":
    end = sys.argv.index("--")
    parts = sys.argv[1:end]
    for at in range(0, len(parts), 3):
        replace(*parts[at : at + 3])
    from massadmin.cli import main

    main(sys.argv[end + 1 :])
