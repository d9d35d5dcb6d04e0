"""Retention and limits as this installation runs with them, and the variables that set them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template

from massadmin.config import Settings
from massadmin.web.access import permission
from massadmin.web.settings import Tab, bp

TAB = Tab(
    label="Retention & limits", endpoint="settings.limits", order=70, permission="settings.manage"
)

GROUPS = {
    "Retention": ("restore_days", "export_days", "result_days"),
    "Imports": ("max_upload_mb", "max_columns", "max_cell_chars"),
    "Engine": ("chunk_size", "workers", "web_processes", "web_threads"),
}
# What is said of a secret that is not set; of one that is, nothing but that.
_SECRET = {"secret_key": "kept in the data folder", "metrics_token": "not set"}
_ADDRESSES = ("database_url", "redis_url")


@bp.get("/limits")
@permission("settings.manage")
def limits() -> str:
    settings: Settings = current_app.config["SETTINGS"]
    grouped = {name for names in GROUPS.values() for name in names}
    rest = tuple(each.name for each in fields(Settings) if each.name not in grouped)
    known = {each.name: each for each in fields(Settings)}
    groups = [
        (title, [_row(settings, known[name]) for name in names if name in known])
        for title, names in {**GROUPS, "Installation": rest}.items()
    ]
    return render_template("settings/limits.html", groups=groups)


def _row(settings: Settings, setting: Any) -> dict[str, Any]:
    value = getattr(settings, setting.name)
    if setting.name in _ADDRESSES:
        shown = _without_secrets(value, settings)
    elif setting.name in _SECRET:
        shown = "set" if value else _SECRET[setting.name]
    elif isinstance(value, bool):
        shown = "on" if value else "off"
    elif isinstance(value, int) and setting.name != "port":
        shown = f"{value:,}"
    else:
        shown = str(value)
    return {
        "env": setting.metadata["env"],
        "help": setting.metadata["help"],
        "value": shown,
        "changed": value != setting.default and setting.default is not None,
    }


def _without_secrets(url: str, settings: Settings) -> str:
    """Scheme, host and name of a server's address; never its user or password."""
    if not url or str(settings.data_dir) in url:
        return "embedded"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
