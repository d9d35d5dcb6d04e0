"""The tabs of a run's page: what each of them shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import current_app, request, url_for
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from massadmin.auth import audit
from massadmin.extensions import db
from massadmin.records.filters import BadFilter, Query
from massadmin.records.listing import EXACT_COUNT
from massadmin.records.modules import Module
from massadmin.records.paging import Page
from massadmin.records.timeline import changes as changes_in_words
from massadmin.records.values import whole_number
from massadmin.runs.models import RunChunk
from massadmin.runs.progress import batches_of
from massadmin.runs.results import (
    PAGE_SIZE,
    Results,
    Row,
    count_results,
    list_results,
    reasons_told,
)
from massadmin.web.formats import zone
from massadmin.web.runs.view import RunView, module_of, person, user_names

TABS = {"results": "Results", "changes": "Changes", "settings": "Settings", "timeline": "Timeline"}
# What an action notes for its own undo; it says nothing to people.
PRIVATE = frozenset({"shared_email"})


def context_of(tab: str, view: RunView) -> dict[str, Any]:
    """What the template of a tab needs."""
    return _CONTEXTS[tab](view)


def _results(view: RunView) -> dict[str, Any]:
    module = module_of(view.run)
    asked, error = asked_results()
    found = _page_of(view, asked, module, error)
    # Those of a large run are counted after the page is there, or when somebody asks.
    small = view.progress.done <= EXACT_COUNT
    return {
        "asked": asked,
        "error": error,
        "found": found,
        "reasons": reasons_of(view, asked, module) if small or "reasons" in request.args else None,
        "reasons_url": _url("runs.reasons", view, asked.to_args()),
        "outcomes": [
            ("", "All", view.progress.done),
            ("succeeded", "Succeeded", view.progress.succeeded),
            ("skipped", "Skipped", view.progress.skipped),
            ("failed", "Failed", view.progress.failed),
        ],
        "module": module,
        "only_mine": not person().sees_all_records,
        **_pager(view, asked, found, module, "results"),
    }


@dataclass(frozen=True)
class Reason:
    """Why so many results are as they are; `on` when these are what is shown, and `url` leads
    to them, or back to all."""

    outcome: str
    reason: str
    count: int
    on: bool
    url: str


def reasons_of(view: RunView, asked: Results, module: Module) -> list[Reason]:
    """The reasons told in the results, most frequent first."""
    found = []
    for outcome, reason, count in reasons_told(view.run, module, person()):
        on = (asked.outcome, asked.reason) == (outcome, reason)
        here = asked.to_args(outcome="" if on else outcome, reason="" if on else reason)
        found.append(Reason(outcome, reason, count, on, _url("runs.show", view, here)))
    return found


def _url(endpoint: str, view: RunView, args: Mapping[str, Any]) -> str:
    """The address of a page of the run, without what is empty."""
    return url_for(endpoint, run_id=view.id, **{key: each for key, each in args.items() if each})


def _changes(view: RunView) -> dict[str, Any]:
    module = module_of(view.run)
    asked, error = asked_results(changed=True)
    found = _page_of(view, asked, module, error)
    return {
        "asked": asked,
        "error": error,
        "found": found,
        "words": described(module),
        "module": module,
        **_pager(view, asked, found, module, "changes"),
    }


def described(module: Module) -> Callable[[Row], list[Any]]:
    """A function that gives the changes of one result (or of a rehearsed one) in words."""
    names, where = user_names(), str(zone())

    def words(row: Row) -> list[Any]:
        before = {key: value for key, value in row.before.items() if key not in PRIVATE}
        after = {key: value for key, value in row.after.items() if key not in PRIVATE}
        return changes_in_words(module, before, after, names, where)

    return words


def _settings(view: RunView) -> dict[str, Any]:
    run, module = view.run, module_of(view.run)
    filters = run.query.get("filter")
    words, url = str(run.query.get("words", "")), ""
    if filters:
        query = Query.from_json(filters)
        words = words_of(query, module, len(run.query.get("excluded") or ()))
        endpoint = "trash.index" if query.trash else "records.index"
        if endpoint in current_app.view_functions:
            place: dict[str, Any] = {} if query.trash else {"module": module.key}
            url = url_for(endpoint, **place) + "?" + urlencode(query.to_args())
    elif run.query.get("run"):
        origin = int(run.query["run"])
        url = url_for("runs.show", run_id=origin, outcome=run.query.get("outcome"))
    chunks = db.session.execute(
        select(
            func.count(),
            func.count().filter(RunChunk.state == "done"),
            func.max(RunChunk.size),
            func.coalesce(func.sum(RunChunk.attempts), 0),
        ).where(RunChunk.run_id == run.id)
    ).one()
    return {
        "module": module,
        "summary": view.action.summary(run.params, module) if view.action else run.name,
        "stored": json.dumps(run.params, indent=2, ensure_ascii=False, sort_keys=True),
        "selected": words,
        "selected_url": url,
        "chunks": chunks,
        "batches": batches_of(run.id),
    }


def words_of(query: Query, module: Module, excluded: int = 0) -> str:
    """A filter in words, people by name; what fields are gone is said by their keys."""
    try:
        words = query.describe(module, user_names())
    except LookupError:
        words = " and ".join(each.to_text() for each in query.conditions)
    return words + (f", except {excluded:,}" if excluded else "")


def _timeline(view: RunView) -> dict[str, Any]:
    return {
        "entries": audit.entries(subject=f"run:{view.id}", limit=200),
        "label": audit.label,
        "glyphs": {
            "run.started": "play",
            "run.pause": "pause",
            "run.paused": "pause",
            "run.resume": "play",
            "run.cancel": "ban",
            "run.cancelled": "ban",
            "run.holding": "hand",
            "run.completed": "check",
            "run.failed": "x",
            "run.renamed": "pencil",
        },
        # What the engine did by itself is written under the name of whoever started the run.
        "by_itself": {"run.paused", "run.holding", "run.cancelled", "run.completed", "run.failed"},
    }


_CONTEXTS: dict[str, Callable[[RunView], dict[str, Any]]] = {
    "results": _results,
    "changes": _changes,
    "settings": _settings,
    "timeline": _timeline,
}


def asked_results(*, changed: bool = False) -> tuple[Results, str]:
    """Which results the address asks for, and what is wrong with that."""
    try:
        return Results.from_args(request.args, changed=changed), ""
    except BadFilter as error:
        return Results(changed=changed), str(error)


def _page_of(view: RunView, asked: Results, module: Module, error: str) -> Page[Row]:
    if error:
        return Page()
    args = request.args
    try:
        return list_results(
            view.run, asked, module, person(), after=args.get("after"), before=args.get("before")
        )
    except BadFilter:
        return list_results(view.run, asked, module, person())


def _pager(
    view: RunView, asked: Results, found: Page[Row], module: Module, tab: str
) -> dict[str, Any]:
    """Where the page stands and the addresses around it."""
    total = _total(view, asked, module)
    args: MultiDict[str, str] = request.args
    moved = args.get("after") or (args.get("before") and found.before)
    first = (whole_number(args.get("from_row", "")) or 1) if moved else 1
    last = first + len(found.rows) - 1

    def url(more: dict[str, Any]) -> str:
        return _url("runs.show", view, {"tab": tab, **more})

    here: dict[str, Any] = asked.to_args()
    return {
        "first": first,
        "last": last,
        "total": total,
        "next": url({**here, "after": found.after, "from_row": last + 1}) if found.after else "",
        "previous": url({**here, "before": found.before, "from_row": max(1, first - PAGE_SIZE)})
        if found.before
        else "",
        "tab_url": url(here),
        "clear_url": url({}),
        "filter_url": lambda **changes: url(asked.to_args(**changes)),
    }


def _total(view: RunView, asked: Results, module: Module) -> int | str:
    """How many are found: from the tallies where they know it, else counted up to a limit."""
    if person().sees_all_records and not (asked.reason or asked.q or asked.changed):
        tallies = view.progress
        known: int = getattr(tallies, asked.outcome) if asked.outcome else tallies.done
        return known
    counted = count_results(view.run, asked, module, person())
    return counted if counted <= EXACT_COUNT else f"{EXACT_COUNT:,}+"
