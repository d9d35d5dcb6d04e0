"""Smart lists: save what a list shows under a name; rename, share, update and delete it."""

from __future__ import annotations

from flask import abort, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import BooleanField, Form, StringField

from massadmin.extensions import db
from massadmin.records.modules import get_module
from massadmin.records.smart_lists import (
    BadList,
    SmartList,
    find_list,
    may_change,
    rename_list,
    save_list,
)
from massadmin.web.access import permission, signed_in
from massadmin.web.answers import asked_by_htmx, go, notice
from massadmin.web.records import MODULE, bp
from massadmin.web.records.address import state_of
from massadmin.web.records.people import me
from massadmin.web.records.view import ListView, current_view

LIST = "/lists/<int(max=2147483647):list_id>"


class ListForm(Form):
    """The name of a list, and who sees it."""

    name = StringField("Name", render_kw={"maxlength": 80, "autocomplete": "off"})
    shared = BooleanField("Share it with everybody", description="They see it; you change it.")


@bp.get(MODULE + "/lists/new")
@permission("{module}.view")
def new_list(module: str) -> Response:
    """The form that saves what the list shows now."""
    return _dialog("save", current_view(get_module(module)), ListForm())


@bp.post(MODULE + "/lists")
@permission("{module}.view")
def add_list(module: str) -> Response:
    """Save it, and show it."""
    form = ListForm(request.form)
    view = ListView.read(get_module(module), me(), state_of(request.form))
    if view.error:
        return _refused("save", view, form, view.error)
    try:
        saved = save_list(
            me(),
            view.module,
            form.name.data or "",
            view.query,
            columns=[field.key for field in view.columns],
            sort=view.sort.to_text(),
            shared=bool(form.shared.data),
        )
    except BadList as error:
        return _refused("save", view, form, str(error))
    db.session.commit()
    notice(f"Saved the list “{saved.name}”.")
    return go(_url(saved))


@bp.get(LIST + "/rename")
@signed_in
def rename_form(list_id: int) -> Response:
    """The form that gives a list another name."""
    found = _mine(list_id)
    return _dialog("rename", _view(found), ListForm(name=found.name), found)


@bp.post(LIST + "/rename")
@signed_in
def rename(list_id: int) -> Response:
    """Give a list another name."""
    found, form = _mine(list_id), ListForm(request.form)
    try:
        rename_list(found, me(), form.name.data or "")
    except BadList as error:
        return _refused("rename", _view(found), form, str(error), found)
    db.session.commit()
    notice(f"The list is now called “{found.name}”.")
    return go(_url(found))


@bp.post(LIST + "/share")
@signed_in
def share(list_id: int) -> Response:
    """Show a list to everybody, or to its owner alone."""
    found = _mine(list_id)
    found.shared = request.form.get("shared") == "1"
    db.session.commit()
    seen = "Everybody sees" if found.shared else "Only you see"
    notice(f"{seen} the list “{found.name}” now.")
    return go(_url(found))


@bp.post(LIST + "/update")
@signed_in
def update_list(list_id: int) -> Response:
    """Save what the list shows now in place of what it was saved with."""
    found = _mine(list_id)
    view = ListView.read(get_module(found.module), me(), state_of(request.form))
    if view.error:
        abort(409, view.error)
    found.query = view.query.to_json()
    found.sort = view.sort.to_text()
    found.columns = [field.key for field in view.columns]
    db.session.commit()
    notice(f"Saved the changes to “{found.name}”.")
    return go(_url(found))


@bp.get(LIST + "/delete")
@signed_in
def delete_form(list_id: int) -> Response:
    """What deleting a list means, before it is done."""
    found = _mine(list_id)
    return _dialog("delete", _view(found), ListForm(), found)


@bp.post(LIST + "/delete")
@signed_in
def delete_list(list_id: int) -> Response:
    """Delete a list; its records stay."""
    found = _mine(list_id)
    name, module = found.name, found.module
    db.session.delete(found)
    db.session.commit()
    notice(f"Deleted the list “{name}”. Its {module} are untouched.")
    return go(url_for("records.index", module=module))


def _mine(list_id: int) -> SmartList:
    """A list that the person may change; somebody's own lists are unknown to others."""
    found = find_list(list_id, me()) or abort(404)
    if not current_user.can(f"{found.module}.view") or not may_change(found, me()):
        abort(403)
    return found


def _url(found: SmartList) -> str:
    return url_for("records.index", module=found.module, list=found.id)


def _view(found: SmartList) -> ListView:
    return ListView.read(get_module(found.module), me(), request.args)


def _dialog(
    kind: str, view: ListView, form: ListForm, found: SmartList | None = None, status: int = 200
) -> Response:
    name = "records/_list_dialog.html" if asked_by_htmx() else "records/list_dialog.html"
    html = render_template(name, kind=kind, view=view, module=view.module, form=form, found=found)
    return make_response(html, status)


def _refused(
    kind: str, view: ListView, form: ListForm, why: str, found: SmartList | None = None
) -> Response:
    db.session.rollback()
    form.name.errors = [why]
    return _dialog(kind, view, form, found, 422)
