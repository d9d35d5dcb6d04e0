"""Where runs keep files: one folder, shared by every machine that runs workers or the web."""

from __future__ import annotations

from pathlib import Path

from flask import current_app

from massadmin.config import Settings


def root() -> Path:
    """The folder; it exists once something was written to it."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.files_dir
