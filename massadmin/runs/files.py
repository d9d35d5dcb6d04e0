"""Where runs keep files: one folder, shared by every machine that runs workers or the web."""

from __future__ import annotations

from pathlib import Path

_root: Path | None = None


def configure(root: Path) -> None:
    """Name the folder; `create_app` does, once per process."""
    global _root
    _root = root


def root() -> Path:
    """The folder; it exists once something was written to it.

    Raises:
        RuntimeError: nobody configured it.
    """
    if _root is None:
        raise RuntimeError("The folder of files is not configured; create_app does that.")
    return _root
