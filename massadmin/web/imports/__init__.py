"""The import wizard: upload, map, check, run. Every step has an address; going back keeps all."""

from __future__ import annotations

import importlib

from flask import Blueprint

from massadmin.web.nav import Entry

bp = Blueprint("imports", __name__)

NAV = [
    Entry(
        label="Imports",
        endpoint="imports.index",
        icon="file-up",
        order=30,
        permission="contacts.import",
    )
]

FILE = "/imports/<int(max=2147483647):file_id>"

# The views hook themselves to the blueprint.
for _name in ("upload", "errands", "mapping", "checking", "errors"):
    importlib.import_module(f"{__name__}.{_name}")
