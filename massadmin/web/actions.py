"""The action dialog: configure, preview, confirm. Without JavaScript each step is a page."""

from __future__ import annotations

import json
import uuid
from typing import Any

from flask import Blueprint, abort, current_app, make_response, render_template, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from massadmin.extensions import db
from massadmin.records.modules import MODULES, get_module
from massadmin.records.selection import clear
from massadmin.records.values import whole_number
from massadmin.runs.action import ActionForm, BadParams, UnknownAction, get_action
from massadmin.runs.history import active_runs
from massadmin.runs.models import Run
from massadmin.runs.preview import Preview, preview
from massadmin.runs.start import (
    Conflict,
    Drifted,
    NotAllowed,
    Refused,
    check_permission,
    start,
)
from massadmin.web.access import permission
from massadmin.web.action_request import CONFIRM, Asked, ask
from massadmin.web.answers import asked_by_htmx, fragments, go, notice
from massadmin.web.change_rows import change_rows
from massadmin.web.runs.previewed import previewed
from massadmin.web.runs.view import person
from massadmin.web.tag_picker import tag_offer

bp = Blueprint("actions", __name__)

DIALOG = f"/<any({','.join(MODULES)}):module>/actions/<key>"


@bp.get(DIALOG)
@permission("{module}.view")
def configure(module: str, key: str) -> Response:
    """The form of the action; straight the preview where there is nothing to fill in."""
    asked = _asked(module, key, request.args)
    if not asked.questions(asked.blank()):
        return _preview(asked)
    return _configured(asked, asked.blank())


@bp.post(DIALOG + "/preview")
@permission("{module}.view")
def rehearse(module: str, key: str) -> Response:
    """What would happen, with the button that starts it; the form again where it has mistakes.

    With `step=configure` it is only drawn again: on the way back, or with a row more or less.
    """
    asked = _asked(module, key, request.form)
    if request.form.get("step") == "configure" or {"add", "remove"} & set(request.form):
        asked.change_rows()
        return _configured(asked, asked.form())
    return _preview(asked)


@bp.post(DIALOG)
@permission("{module}.view")
def begin(module: str, key: str) -> Response:
    """Start the run that was confirmed."""
    asked = _asked(module, key, request.form)
    given = request.form.get("expected", "")
    expected = whole_number(given)
    if expected is None:
        unread = "The number of records that was confirmed cannot be read. Look again."
        return _preview(asked, refused=unread, status=422) if given else _preview(asked)
    word = asked.action.confirm_word
    if word and request.form.get(CONFIRM, "").strip() != word:
        return _preview(asked, wrong_word=True, seen=expected, status=422)
    try:
        params = asked.action.params(asked.data, asked.module, asked.user)
        run = start(
            asked.action,
            asked.module,
            asked.audience,
            params,
            asked.user,
            largest_chunk=current_app.config["SETTINGS"].chunk_size,
            name=request.form.get("run_name", "").replace("\x00", ""),
            expected=expected,
            idempotency_key=request.form.get("idempotency_key") or str(uuid.uuid4()),
        )
    except BadParams:
        return _preview(asked)
    except NotAllowed as refused:
        abort(403, str(refused))
    except (Drifted, Conflict) as refused:
        earlier = _started_before(asked.again(), params, expected)
        if earlier is None:
            return _preview(asked.again(), moved=refused, status=409)
        run = earlier
    except Refused as refused:
        return _preview(asked.again(), refused=str(refused), status=422)
    if asked.selection is not None:
        clear(asked.selection)
        db.session.commit()
    url = url_for("runs.show", run_id=run.id)
    if not asked_by_htmx():
        return go(url)
    count = f"{run.total:,} {asked.noun(run.total)}"
    notice(f"Queued “{run.name}” for {count}.", href=url, label="View progress")
    badge = render_template("runs/_badge.html", active=active_runs(asked.user))
    response = fragments(badge, close_dialog=True)
    # The list empties its bar; the token says which of several tabs is meant.
    cleared = {"selection": str(asked.selection.token) if asked.selection else ""}
    response.headers["HX-Trigger"] = json.dumps({"close-dialog": {}, "selection-cleared": cleared})
    return response


def _started_before(asked: Asked, params: dict[str, Any], expected: int) -> Run | None:
    """The run that the first of two clicks started: same key, action, settings and count. Its
    selection was cleared when it started, so the second click cannot be recognised by that."""
    if asked.selection is None or asked.selection.mode != "ids" or asked.selection.ids:
        return None
    run = db.session.scalar(
        select(Run).where(
            Run.user_id == asked.user.id,
            Run.idempotency_key == request.form.get("idempotency_key", ""),
            Run.action == asked.action.key,
            Run.module == asked.module.key,
            Run.total == expected,
        )
    )
    # Preparing a run only adds to its settings.
    return run if run and params.items() <= run.params.items() else None


def _asked(module_key: str, key: str, data: MultiDict[str, str]) -> Asked:
    """What is asked for; 404, 403 and 409 are answered here."""
    module = get_module(module_key)
    try:
        action = get_action(key, module)
        check_permission(action, module, person())
    except UnknownAction as error:
        abort(404, str(error))
    except NotAllowed as refused:
        abort(403, str(refused))
    if not action.listed:
        abort(404, f"“{action.label}” is not started from a list.")
    return ask(action, module, person(), data)


def _configured(asked: Asked, form: ActionForm, status: int = 200, refused: str = "") -> Response:
    return _answer(
        "configure",
        asked,
        status,
        form=form,
        total=asked.audience.count(),
        messages=[refused] if refused else [],
    )


def _preview(
    asked: Asked,
    *,
    moved: Refused | None = None,
    refused: str = "",
    wrong_word: bool = False,
    seen: int | None = None,
    status: int = 200,
) -> Response:
    """The preview and the button that starts the run, or the form with what is wrong in it.

    `seen` is the number of records shown before; that it is another now is said.
    """
    action, module, user = asked.action, asked.module, asked.user
    try:
        params = action.params(asked.confirmed(), module, user)
        found: Preview = preview(action, module, asked.audience, params, user)
    except BadParams:
        form = asked.form(asked.confirmed())
        form.validate()
        return _configured(asked, form, 422)
    except NotAllowed as error:
        abort(403, str(error))
    except Refused as error:
        if not asked.questions(asked.blank()):
            abort(409, str(error))
        return _configured(asked, asked.form(asked.confirmed()), 422, str(error))
    if seen is not None and seen != found.total:
        moved = Drifted(seen, found.total)
    # Rehearsing rolled the session back, and with it everything that was read.
    asked = asked.again()
    return _answer(
        "confirm",
        asked,
        status,
        shown=previewed(found, module, user),
        total=found.total,
        summary=action.summary(found.params, module),
        moved=moved,
        refused=refused,
        wrong_word=wrong_word,
        form=asked.blank(),
        idempotency_key=str(uuid.uuid4()),
    )


def _answer(step: str, asked: Asked, status: int, **context: Any) -> Response:
    dialog = asked_by_htmx()
    html = render_template(
        f"actions/_{step}.html" if dialog else "actions/page.html",
        step=step,
        asked=asked,
        action=asked.action,
        module=asked.module,
        dialog=dialog,
        questions=asked.questions(asked.blank()),
        change_rows=change_rows,
        tag_offer=tag_offer,
        **context,
    )
    return make_response(html, status)
