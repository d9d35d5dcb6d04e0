"""The page of one record: its fields, each changed in place, and what happened to it."""

from __future__ import annotations

from typing import Any

from flask import abort, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.extensions import db
from massadmin.records import edit, timeline
from massadmin.records.edit import NotAllowed, Rejected, Stale, Typed, UnknownRecord
from massadmin.records.fields import Field
from massadmin.records.listing import one_record, title
from massadmin.records.modules import Module, UnknownField, get_module
from massadmin.records.values import whole_number
from massadmin.runs.timeline import touched
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, go, notice
from massadmin.web.records import RECORD, bp
from massadmin.web.records.bar import record_offers
from massadmin.web.records.cells import status, whole
from massadmin.web.records.inputs import Input, input_for, meanwhile
from massadmin.web.records.people import me, user_names

EVENTS = 20
MOST_EVENTS = 1_000


@bp.get(RECORD)
@permission("{module}.view")
def show(module: str, record_id: int) -> Response:
    """The record; somebody who sees the trash also finds it there."""
    found = get_module(module)
    return _page(found, _record(found, record_id))


@bp.get(RECORD + "/fields/<key>")
@permission("{module}.view")
def field_form(module: str, record_id: int, key: str) -> Response:
    """One field to change; with `show` as it is read, which is how changing it is given up."""
    found = get_module(module)
    field, record = _field(found, key), _record(found, record_id, trash=False)
    if "show" in request.args:
        if not asked_by_htmx():
            return go(_url(found, record_id))
        return _fragment(found, record, field, closed=True)
    if not edit.may_edit(found, field, current_user):
        abort(403, f"Your role may not change {field.label}.")
    given = input_for(field, record[key], me())
    if asked_by_htmx():
        return _fragment(found, record, field, given)
    return _page(found, record, opened=given)


@bp.post(RECORD + "/fields/<key>")
@permission("{module}.view")
def save_field(module: str, record_id: int, key: str) -> Response:
    """Save one field, unless its value is no longer the one that the form was opened with."""
    found = get_module(module)
    field = _field(found, key)
    text, seen = request.form.get("value", ""), request.form.get("seen")
    try:
        done = edit.save(
            found, record_id, [Typed(key, text, seen)], me(), address=request.remote_addr or ""
        )
        db.session.commit()
    except UnknownRecord as missing:
        abort(404, str(missing))
    except NotAllowed as refused:
        abort(403, str(refused))
    except Rejected as rejected:
        return _again(found, record_id, field, text, rejected.errors[key], 422, seen)
    except Stale as stale:
        return _again(found, record_id, field, text, meanwhile(found, key, stale.current[key]), 409)
    if asked_by_htmx():
        return _fragment(found, _record(found, record_id), field, saved=True)
    if done.changed:
        notice(f"Saved {field.label}.")
    return go(f"{_url(found, record_id)}#{field_id(field)}")


@bp.get(RECORD + "/timeline")
@permission("{module}.view")
def events(module: str, record_id: int) -> Response:
    """What happened to the record, further back."""
    found = get_module(module)
    record = _record(found, record_id)
    if not asked_by_htmx():
        return _page(found, record)
    return make_response(render_template("records/_timeline.html", **_context(found, record)))


def field_id(field: Field) -> str:
    """The id of a field's place on the page."""
    return "field-" + field.key.replace(".", "-")


def _again(
    module: Module,
    record_id: int,
    field: Field,
    text: str,
    error: str,
    status: int,
    seen: str | None = None,
) -> Response:
    """The field's form once more, with what was typed and why it was not saved."""
    db.session.rollback()
    record = _record(module, record_id, trash=False)
    given = input_for(field, record[field.key], me(), text=text, error=error, seen=seen)
    if asked_by_htmx():
        return _fragment(module, record, field, given, status=status)
    return _page(module, record, opened=given, status=status)


def _page(
    module: Module, record: dict[str, Any], *, opened: Input | None = None, status: int = 200
) -> Response:
    context = _context(module, record) | {"opened": opened}
    return make_response(render_template("records/record.html", **context), status)


def _fragment(
    module: Module,
    record: dict[str, Any],
    field: Field,
    given: Input | None = None,
    *,
    status: int = 200,
    saved: bool = False,
    closed: bool = False,
) -> Response:
    """One field as it is read, or the form that changes it.

    `saved` renews what follows from it; after that, or when changing was given up (`closed`), the
    focus goes back to where changing begins.
    """
    html = render_template(
        "records/_field.html",
        **_context(module, record),
        opened=given,
        field=field,
        saved=saved,
        closed=closed,
    )
    return make_response(html, status)


def _context(module: Module, record: dict[str, Any]) -> dict[str, Any]:
    names = user_names()
    zone = me().zone
    limit = _limit()
    found = timeline.newest(
        limit + 1,
        timeline.edits(module, record["id"], limit + 1),
        touched(module, record["id"], limit + 1),
    )
    return {
        "module": module,
        "record": record,
        "title": title(module, record),
        "names": names,
        "field_id": field_id,
        "may_edit": lambda field: (
            record["deleted_at"] is None and edit.may_edit(module, field, me())
        ),
        "offers": record_offers(module, me(), trash=record["deleted_at"] is not None),
        "events": found[:limit],
        "more_events": limit + EVENTS if len(found) > limit else 0,
        "status": status,
        "whole": whole,
        "changes": lambda event: timeline.changes(module, event.before, event.after, names, zone),
        "sees_run": lambda event: (
            event.run_user_id == current_user.id or current_user.can("runs.view_all")
        ),
    }


def _limit() -> int:
    wanted = whole_number(request.args.get("events", "")) or EVENTS
    return max(EVENTS, min(wanted, MOST_EVENTS))


def _record(module: Module, record_id: int, *, trash: bool | None = None) -> dict[str, Any]:
    if not current_user.can("trash.view"):
        trash = False
    return one_record(module, record_id, me(), trash=trash) or abort(404)


def _field(module: Module, key: str) -> Field:
    try:
        return module.field(key)
    except UnknownField as error:
        abort(404, str(error))


def _url(module: Module, record_id: int) -> str:
    return url_for("records.show", module=module.key, record_id=record_id)
