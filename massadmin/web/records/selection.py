"""Ticks: what the page posts as people select, answered with the bar."""

from __future__ import annotations

from collections.abc import Iterable

from flask import abort, render_template, request
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from massadmin.extensions import db
from massadmin.records import selection as selections
from massadmin.records.modules import Module, get_module
from massadmin.records.selection import Selection, TooManyTicks, UnknownSelection
from massadmin.records.values import whole_number
from massadmin.web.access import permission
from massadmin.web.answers import fragments, notice
from massadmin.web.records import MODULE, bp
from massadmin.web.records.address import state_of
from massadmin.web.records.bar import Bar, bar
from massadmin.web.records.index import context
from massadmin.web.records.people import me
from massadmin.web.records.view import ListView, Total

OPERATIONS = ("tick", "untick", "page", "all", "clear")


@bp.get(MODULE + "/selection")
@permission("{module}.view")
def selection(module: str) -> Response:
    """The bar as the selection is now: asked for when a bulk action took it."""
    view = _view(get_module(module), request.args)
    try:
        found = selections.find_selection(request.args.get("selection", ""), view.user, view.module)
    except UnknownSelection:
        return _answer(view, request.args, Bar(check="none"))
    now = bar(view, found, _ids(request.args.getlist("page")))
    return _answer(view, request.args, now if now.shown else Bar(check="none"))


@bp.post(MODULE + "/selection")
@permission("{module}.view")
def select(module: str) -> Response:
    """Tick or untick records, the page, or everything that the filters find."""
    form = request.form
    view = _view(get_module(module), form)
    op = form.get("op", "")
    if op not in OPERATIONS or view.error:
        abort(400, view.error or "That is no way to select records.")
    try:
        found = selections.open_selection(
            form.get("selection", ""), view.user, view.module, trash=view.trash
        )
        check = _change(found, op, view)
        # What the page was told may be long ago.
        total = None if op == "all" else _total(form)
        now = bar(view, found, _ids(form.getlist("page")), check, total)
        db.session.commit()
    except UnknownSelection as error:
        abort(404, str(error))
    except TooManyTicks as error:
        db.session.rollback()
        found = selections.find_selection(form["selection"], view.user, view.module)
        now = bar(view, found, _ids(form.getlist("page")))
        notice(str(error), "error")
    return _answer(view, form, now)


def _change(found: Selection, op: str, view: ListView) -> str:
    """Do it; what the ticks of the page are to become, when all of them change."""
    form = request.form
    match op:
        case "tick":
            selections.tick(found, _ids(form.getlist("id")))
        case "untick":
            selections.untick(found, _ids(form.getlist("id")))
        case "page":
            selections.tick(found, _ids(form.getlist("page")))
            return "all"
        case "all":
            selections.take_all(found, view.query)
            return "all"
        case "clear":
            selections.clear(found)
            return "none"
    return ""


def _view(module: Module, arguments: MultiDict[str, str]) -> ListView:
    trash = arguments.get("trash") == "1"
    if trash and not current_user.can("trash.view"):
        abort(403)
    user = me()
    return ListView.read(module, user, state_of(arguments), trash=trash)


def _answer(view: ListView, arguments: MultiDict[str, str], now: Bar) -> Response:
    known = now.count if now.matching and not now.excluded else _total(arguments)
    if known is not None:
        view.total = Total(known)
    elif not view.error:
        view.total = view.count()
    view.token = arguments.get("selection", view.token)
    return fragments(render_template("records/_bar.html", **context(view, bar=now), answer=True))


def _total(arguments: MultiDict[str, str]) -> int | None:
    """How many records match, as the page was told, or None while it does not know exactly."""
    return whole_number(arguments.get("total", ""))


def _ids(texts: Iterable[str]) -> list[int]:
    """The ids in texts such as `7` or `7,8,9`; anything else is left out."""
    parts = (whole_number(part) for text in texts for part in text.split(","))
    return [part for part in parts if part is not None]
