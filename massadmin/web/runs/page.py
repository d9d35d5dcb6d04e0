"""The page of one run: how far it is, what came of it, and the poll that keeps it true."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, make_response, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from massadmin.extensions import db
from massadmin.records.filters import Query
from massadmin.records.listing import count_all
from massadmin.records.values import whole_number
from massadmin.runs.history import active_runs
from massadmin.runs.models import Run
from massadmin.runs.postpone import MAX_ATTEMPTS
from massadmin.runs.progress import postponed, throughput_of
from massadmin.runs.states import WORKABLE
from massadmin.web.access import signed_in
from massadmin.web.answers import asked_by_htmx, fragments
from massadmin.web.runs import RUN, bp
from massadmin.web.runs.chart import chart_of
from massadmin.web.runs.tabs import TABS, asked_results, context_of, reasons_of
from massadmin.web.runs.view import RunView, module_of, person, run_or_404, view_of


@bp.get(RUN)
@signed_in
def show(run_id: int) -> Response:
    """The page; for htmx the tab that it asks for."""
    return page(run_or_404(run_id))


def page(run: Run, status: int = 200) -> Response:
    """The page of a run, or its tab where htmx wants just that."""
    view = view_of(run, person())
    tab = request.args.get("tab", "results")
    tab = tab if tab in TABS else "results"
    context = {"view": view, "tab": tab, "tabs": TABS, "renewed": asked_by_htmx()}
    context |= context_of(tab, view)
    if not asked_by_htmx():
        return make_response(
            render_template("runs/page.html", related=_related(run), **parts(view), **context),
            status,
        )
    # A tab brings the row of tabs along; its own filters only what stands below them.
    whole = request.headers.get("HX-Target") == "run-tabs"
    name = "runs/_tabs.html" if whole else f"runs/_{tab}.html"
    return make_response(render_template(name, **context), status)


def parts(view: RunView) -> dict[str, Any]:
    """What the live parts of the page show."""
    return {
        "chart": chart_of(throughput_of(view.id)),
        "again": postponed(view.id) if view.state in WORKABLE else None,
        "most_attempts": MAX_ATTEMPTS,
        "undo_until": _undo_until(view),
        "drawn": uuid.uuid4().hex,
        "poll_url": url_for(
            "runs.show_live", run_id=view.id, state=view.state, quarter=view.quarter
        ),
    }


@bp.get(RUN + "/reasons")
@signed_in
def reasons(run_id: int) -> str:
    """The reasons told in the results, for a page that did not wait for them to be counted."""
    view = view_of(run_or_404(run_id), person())
    asked, _ = asked_results()
    return render_template(
        "runs/_reasons.html", reasons=reasons_of(view, asked, module_of(view.run))
    )


@bp.get(RUN + "/live")
@signed_in
def show_live(run_id: int) -> Response:
    """The poll: the parts of the page that change."""
    quarter = whole_number(request.args.get("quarter", "")) or 0
    known = (request.args.get("state", ""), quarter)
    return page_live(run_or_404(run_id), known)


def page_live(run: Run, known: tuple[str, int] = ("", 0), status: int = 200) -> Response:
    """The poller anew and the parts that change, to a page that shows the run as `known`."""
    view = view_of(run, person())
    moved = view.state != known[0]
    # Many poll, every two seconds: what changes with the state alone is asked for no more often.
    changed = {"related": _related(run), "active": active_runs(person())} if moved else {}
    html = render_template(
        "runs/_page_live.html",
        view=view,
        moved=moved,
        announce=view.milestone(*known),
        **changed,
        **parts(view),
    )
    response = fragments(html, status=status)
    if view.progress.done:
        # Only a list of results that is still empty fetches itself; rows stay under the cursor.
        response.headers["HX-Trigger"] = "results-there"
    return response


def _related(run: Run) -> list[tuple[str, Run]]:
    """Runs that belong to this one, each with what it is to it."""
    found: list[tuple[str, Run]] = []
    ids = {run.undo_of: "Takes back", run.retry_of: "Retries the failures of"}
    rows: Iterable[Run] = db.session.scalars(
        select(Run)
        .where(
            Run.id.in_([each for each in ids if each])
            | (Run.undo_of == run.id)
            | (Run.retry_of == run.id),
            Run.state != "draft",
        )
        .order_by(Run.id)
    )
    for each in rows:
        if each.undo_of == run.id and each.retry_of is None:
            found.append(("Undone by", each))
        elif each.retry_of == run.id:
            found.append(("Retried by", each))
        elif each.id in ids:
            found.append((ids[each.id], each))
    return found


def _undo_until(view: RunView) -> datetime | None:
    """When the results, and with them the way back, are dropped."""
    if not view.ended or view.run.finished_at is None:
        return None
    days = current_app.config["SETTINGS"].result_days
    return view.run.finished_at + timedelta(days=days)


def left_in_trash(view: RunView) -> int:
    """How many records that the run deleted still lie in the trash."""
    query = Query(trash=True, deleted_run=view.id)
    return count_all(module_of(view.run), query, person())
