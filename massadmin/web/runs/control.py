"""What a person does to a run: pause, resume, cancel, name, retry."""

from __future__ import annotations

import uuid

from flask import abort, render_template, request, url_for
from sqlalchemy import update
from werkzeug.wrappers import Response

from massadmin.auth import audit
from massadmin.extensions import db
from massadmin.runs import start as starting
from massadmin.runs.control import control, may_control
from massadmin.runs.models import Run
from massadmin.runs.start import MAX_NAME_CHARS, NotAllowed, Refused
from massadmin.runs.states import IllegalMove
from massadmin.web.access import signed_in
from massadmin.web.answers import asked_by_htmx, go, notice
from massadmin.web.runs import RUN, bp
from massadmin.web.runs.index import live_answer
from massadmin.web.runs.page import page, page_live
from massadmin.web.runs.view import module_of, person, run_or_404, view_of


@bp.post(RUN + "/<any(pause,resume,cancel):verb>")
@signed_in
def steer(run_id: int, verb: str) -> Response:
    """Ask a run to pause, go on or end; what is not possible any more answers 409."""
    run = run_or_404(run_id)
    try:
        control(run, verb, person())
    except NotAllowed as refused:
        abort(403, str(refused))
    except IllegalMove as refused:
        db.session.rollback()
        notice(f"“{run.name}” is {refused.state} and cannot {verb} any more.", "warning")
        return _as_it_is(run_id, 409)
    return _as_it_is(run_id)


@bp.get(RUN + "/cancel")
@signed_in
def cancel_form(run_id: int) -> str:
    """What cancelling means, before it is done: it cannot be taken back."""
    view = view_of(run_or_404(run_id), person())
    return _dialog("cancel", view=view)


@bp.get(RUN + "/name")
@signed_in
def name_form(run_id: int) -> str:
    """The form that renames a run."""
    return _dialog("name", view=view_of(run_or_404(run_id), person()))


@bp.post(RUN + "/name")
@signed_in
def name(run_id: int) -> Response | tuple[str, int]:
    """Give a run another name."""
    run = run_or_404(run_id)
    if not may_control(run, person()):
        abort(403, "Only who started a bulk action, a manager or an admin can rename it.")
    wanted = " ".join(request.form.get("name", "").replace("\x00", "").split())
    if not 0 < len(wanted) <= MAX_NAME_CHARS:
        error = f"Give it a name of at most {MAX_NAME_CHARS} characters."
        return _dialog("name", view=view_of(run, person()), error=error, typed=wanted), 422
    if wanted != run.name:
        before = run.name
        db.session.execute(update(Run).where(Run.id == run_id).values(name=wanted))
        audit.record(
            "run.renamed",
            user=person(),
            subject=f"run:{run_id}",
            details={"before": before, "after": wanted},
            address=request.remote_addr or "",
        )
        db.session.commit()
    return go(url_for("runs.show", run_id=run_id))


@bp.post(RUN + "/retry")
@signed_in
def retry(run_id: int) -> Response:
    """Start a run over the records that failed."""
    run = run_or_404(run_id)
    try:
        again = starting.retry(
            run,
            module_of(run),
            person(),
            idempotency_key=request.form.get("idempotency_key") or str(uuid.uuid4()),
        )
    except NotAllowed as refused:
        abort(403, str(refused))
    except Refused as refused:
        abort(409, str(refused))
    return started(again, run_id)


def started(again: Run, origin: int) -> Response:
    """After a run was started from another: the list shows that there is one more, the page of
    the other leads to its page, which says by itself how far it is."""
    url = url_for("runs.show", run_id=again.id)
    if not from_list():
        return go(url)
    count = f"{again.total:,} {'record' if again.total == 1 else 'records'}"
    notice(f"Queued “{again.name}” for {count}.", href=url, label="View progress")
    return _as_it_is(origin)


def from_list() -> bool:
    """Whether a form was sent from the history and not from the page of the run."""
    return asked_by_htmx() and "from_list" in request.values


def _as_it_is(run_id: int, status: int = 200) -> Response:
    run = run_or_404(run_id)
    if not asked_by_htmx():
        return page(run, status) if status != 200 else go(url_for("runs.show", run_id=run_id))
    if from_list():
        response, poller = live_answer(request.form, touched=[run_id], status=status), "#runs-poll"
    else:
        response, poller = page_live(run, status=status), "#run-poll"
    # A dialog is asked for its own next step, but what was done shows in the page behind it.
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = poller, "outerHTML"
    response.headers["HX-Trigger"] = "close-dialog"
    return response


def _dialog(kind: str, **context: object) -> str:
    template = f"runs/_{kind}_dialog.html" if asked_by_htmx() else "runs/dialog.html"
    return render_template(
        template,
        kind=kind,
        from_list="from_list" in request.args,
        dialog=asked_by_htmx(),
        **context,
    )
