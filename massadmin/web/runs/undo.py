"""Taking a run back: what can still be undone, looked at before it is done."""

from __future__ import annotations

import uuid
from typing import Any

from flask import abort, make_response, render_template, request
from werkzeug.wrappers import Response

from massadmin.records.values import whole_number
from massadmin.runs import start as starting
from massadmin.runs.action import get_action
from massadmin.runs.audience import of_results
from massadmin.runs.models import Run
from massadmin.runs.preview import SAMPLE, Preview, preview
from massadmin.runs.start import Drifted, NotAllowed, Refused
from massadmin.web.access import signed_in
from massadmin.web.answers import asked_by_htmx
from massadmin.web.runs import RUN, bp
from massadmin.web.runs.control import from_list, started
from massadmin.web.runs.page import left_in_trash, parts
from massadmin.web.runs.previewed import previewed
from massadmin.web.runs.view import RunView, module_of, person, run_or_404, view_of

# The panel is drawn with the page, so it rehearses fewer records than the dialog.
PANEL_SAMPLE = 200


@bp.get(RUN + "/undo-panel")
@signed_in
def undo_panel(run_id: int) -> str:
    """What can still be undone, as far as a small rehearsal tells."""
    view = view_of(run_or_404(run_id), person())
    possible, refused = None, ""
    if view.offers.undo and view.offers.undo.open:
        try:
            possible = rehearsed(view.run, PANEL_SAMPLE)
        except Refused as error:
            refused = str(error)
    return render_template(
        "runs/_undo_panel.html",
        view=view,
        possible=possible,
        refused=refused,
        trashed=left_in_trash(view) if view.offers.restore else None,
        loaded=True,
        **parts(view),
    )


@bp.get(RUN + "/undo")
@signed_in
def undo_form(run_id: int) -> Response:
    """The preview of taking the run back, with the button that does it."""
    return _form(run_or_404(run_id))


@bp.post(RUN + "/undo")
@signed_in
def undo(run_id: int) -> Response:
    """Take the run back."""
    run = run_or_404(run_id)
    given = request.form.get("expected", "")
    expected = whole_number(given)
    if given and expected is None:
        unread = "The number of records that was confirmed cannot be read. Look again."
        return _form(run, unread, 422)
    try:
        again = starting.undo(
            run,
            module_of(run),
            person(),
            expected=expected,
            idempotency_key=request.form.get("idempotency_key") or str(uuid.uuid4()),
        )
    except NotAllowed as refused:
        abort(403, str(refused))
    except Drifted as refused:
        return _form(run, str(refused), 409)
    except Refused as refused:
        abort(409, str(refused))
    return started(again, run_id)


def rehearsed(run: Run, sample: int = SAMPLE) -> Preview:
    """What undoing the run would do now, of its first `sample` changed records.

    Raises:
        Refused: these records are being changed by somebody else just now.
    """
    return preview(
        get_action("undo"),
        module_of(run),
        of_results(run.id, "succeeded"),
        {"run": run.id, "action": run.action, "name": run.name},
        person(),
        sample=sample,
        undo_of=run.id,
    )


def _form(run: Run, moved: str = "", status: int = 200) -> Response:
    view = view_of(run, person())
    offer = view.offers.undo
    if offer is None or not offer.open:
        abort(409, f"{offer.why}." if offer else "There is nothing to undo.")
    try:
        found = rehearsed(run)
    except NotAllowed as refused:
        abort(403, str(refused))
    except Refused as refused:
        abort(409, str(refused))
    context: dict[str, Any] = {
        "view": _again(view),
        "shown": previewed(found, module_of(run), person()),
        "module": module_of(run),
        "moved": moved,
        "idempotency_key": str(uuid.uuid4()),
        "from_list": from_list(),
        "dialog": asked_by_htmx(),
        "kind": "undo",
    }
    template = "runs/_undo_dialog.html" if asked_by_htmx() else "runs/dialog.html"
    return make_response(render_template(template, **context), status)


def _again(view: RunView) -> RunView:
    """The view on the row as the session has it now: rehearsing rolled the session back."""
    return view_of(run_or_404(view.id), person())
