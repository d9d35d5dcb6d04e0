"""Bulk actions: their history, the page of one run, and what can be done about it."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Blueprint

from massadmin.auth import audit
from massadmin.runs.history import active_runs
from massadmin.web.nav import Entry

bp = Blueprint("runs", __name__, url_prefix="/runs")

# No id is larger than what the database can hold.
RUN = "/<int(max=9223372036854775807):run_id>"

NAV = [
    Entry(
        label="Bulk actions",
        endpoint="runs.index",
        icon="list-checks",
        order=20,
        key="g b",
        badge=active_runs,
    )
]

audit.name_events(
    {
        "run.started": "Started a bulk action",
        "run.pause": "Asked for a pause",
        "run.resume": "Resumed a bulk action",
        "run.cancel": "Cancelled a bulk action",
        "run.renamed": "Renamed a bulk action",
        "run.paused": "Bulk action paused",
        "run.holding": "Bulk action stopped itself",
        "run.cancelled": "Bulk action ended early",
        "run.completed": "Bulk action completed",
        "run.failed": "Bulk action could not start",
    }
)

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
