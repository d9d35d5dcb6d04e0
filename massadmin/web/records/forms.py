"""Whole forms: a new record, and all fields of one record at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.extensions import db
from massadmin.records import create as creating
from massadmin.records import edit as editing
from massadmin.records.edit import NotAllowed, Rejected, Stale, Typed, UnknownRecord
from massadmin.records.fields import Field
from massadmin.records.listing import one_record, title
from massadmin.records.modules import Module, get_module
from massadmin.web.access import permission
from massadmin.web.answers import go, notice
from massadmin.web.records import MODULE, RECORD, bp
from massadmin.web.records.inputs import inputs_for, meanwhile
from massadmin.web.records.people import me


@bp.get(MODULE + "/new")
@permission("{module}.edit")
def new(module: str) -> Response:
    """The empty form."""
    found = get_module(module)
    return _form(found, {"owner_id": current_user.id})


@bp.post(MODULE + "/new")
@permission("{module}.edit")
def create(module: str) -> Response:
    """Add the record and show it."""
    found = get_module(module)
    typed = _typed(found)
    try:
        record_id = creating.create(found, typed, me(), address=request.remote_addr or "")
    except Rejected as rejected:
        db.session.rollback()
        return _form(found, {}, typed=typed, errors=rejected.errors, status=422)
    except NotAllowed as refused:
        abort(403, str(refused))
    db.session.commit()
    notice(f"Added the {found.singular}.")
    return go(_url(found, record_id))


@bp.get(RECORD + "/edit")
@permission("{module}.edit")
def edit(module: str, record_id: int) -> Response:
    """All fields of the record in one form."""
    found = get_module(module)
    return _form(found, _record(found, record_id))


@bp.post(RECORD + "/edit")
@permission("{module}.edit")
def save(module: str, record_id: int) -> Response:
    """Save the fields that were changed in the form: all of them, or none."""
    found = get_module(module)
    typed = _typed(found)
    try:
        done = editing.save(
            found,
            record_id,
            [Typed(key, text, request.form.get(f"seen-{key}")) for key, text in typed.items()],
            me(),
            address=request.remote_addr or "",
        )
    except UnknownRecord as missing:
        abort(404, str(missing))
    except NotAllowed as refused:
        abort(403, str(refused))
    except (Rejected, Stale) as problem:
        db.session.rollback()
        errors = problem.errors if isinstance(problem, Rejected) else _stale(found, problem)
        status = 422 if isinstance(problem, Rejected) else 409
        record = _record(found, record_id)
        return _form(found, record, typed=typed, errors=errors, status=status)
    db.session.commit()
    if done.changed:
        notice(f"Saved the {found.singular}.")
    return go(_url(found, record_id))


def _stale(module: Module, problem: Stale) -> dict[str, str]:
    return {key: meanwhile(module, key, value) for key, value in problem.current.items()}


def _typed(module: Module) -> dict[str, str]:
    return {
        field.key: request.form[field.key] for field in _fields(module) if field.key in request.form
    }


def _fields(module: Module) -> list[Field]:
    return [field for field in module.fields if editing.may_edit(module, field, me())]


def _form(
    module: Module,
    record: Mapping[str, Any],
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The form; a field that somebody else changed is opened anew, the others keep the marks of
    the values that this form was first opened with."""
    stale = status == 409
    seen = {
        field.key: request.form[f"seen-{field.key}"]
        for field in module.fields
        if f"seen-{field.key}" in request.form and not (stale and field.key in (errors or {}))
    }
    html = render_template(
        "records/form.html",
        module=module,
        record=record,
        title=title(module, dict(record)) if "id" in record else "",
        inputs=inputs_for(_fields(module), record, me(), typed or {}, errors or {}, seen),
        stale=stale,
    )
    return make_response(html, status)


def _record(module: Module, record_id: int) -> dict[str, Any]:
    return one_record(module, record_id, me()) or abort(404)


def _url(module: Module, record_id: int) -> str:
    return url_for("records.show", module=module.key, record_id=record_id)
