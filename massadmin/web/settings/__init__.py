"""Settings: one file per tab. A file that has a `TAB` is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.web.access import signed_in
from massadmin.web.nav import Entry

bp = Blueprint("settings", __name__, url_prefix="/settings")

NAV = [Entry(label="Settings", endpoint="settings.index", icon="settings", order=90)]


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One page of the settings, shown to those who hold `permission`."""

    label: str
    endpoint: str
    order: int
    permission: str = ""


@bp.get("/")
@signed_in
def index() -> Response:
    return redirect(_mine()[0]["url"])


@bp.app_context_processor
def _tabs() -> dict[str, Any]:
    """`settings_tabs()` for the templates, computed only where it is called."""
    return {"settings_tabs": _mine}


def _mine() -> list[dict[str, Any]]:
    return [
        {
            "label": tab.label,
            "url": url_for(tab.endpoint),
            "current": (request.endpoint or "").startswith(tab.endpoint),
        }
        for tab in TABS
        if not tab.permission or current_user.can(tab.permission)
    ]


def _pages() -> list[Tab]:
    found = [
        importlib.import_module(f"{__name__}.{each.name}")
        for each in pkgutil.iter_modules(__path__)
    ]
    tabs: list[Tab] = [page.TAB for page in found if hasattr(page, "TAB")]
    return sorted(tabs, key=lambda tab: tab.order)


TABS = _pages()
