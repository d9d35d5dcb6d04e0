"""The trash: what was deleted, by whom, through which run, and for how long it can come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, make_response, render_template, request
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import Form, TextAreaField
from wtforms.validators import ValidationError

from massadmin.extensions import db
from massadmin.records import selection as selections
from massadmin.records.deletion import (
    COUNTED,
    Deletion,
    days_left,
    deletion_by,
    recent_deletions,
    restore_days,
)
from massadmin.records.filters import Condition
from massadmin.records.modules import MODULES, Module, get_module
from massadmin.records.pasted import Found, TooManyValues, Value, find_pasted, read_pasted
from massadmin.runs.control import visible_runs
from massadmin.runs.models import Run
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx
from massadmin.web.nav import Entry
from massadmin.web.records.index import answer
from massadmin.web.records.people import me
from massadmin.web.records.view import ListView, current_view

bp = Blueprint("trash", __name__, url_prefix="/trash")

NAV = [
    Entry(label="Trash", endpoint="trash.index", icon="trash-2", order=40, permission="trash.view")
]

# Deletions that the page lists above the records.
DELETIONS = 5
# Records found by pasting that an address can name; more are restored without being listed.
LISTED = 200


@dataclass(frozen=True)
class Cause:
    """The run that put records into the trash. `merged`: it was a merge that they lost.
    `visible` is whether the person may see the run."""

    name: str
    merged: bool
    visible: bool


@bp.get("")
@permission("trash.view")
def index() -> Response:
    """What lies in the trash, the newest first, below the latest deletions."""
    view = current_view(_module(), trash=True).load()
    found = _deletions(view) if request.headers.get("HX-Target") != "list" else []
    return answer(view, page="trash/index.html", **_context(view, found))


@bp.get("/deletions")
@permission("trash.view")
def deletions() -> str:
    """The latest deletions alone: asked for again when something was restored."""
    view = current_view(_module(), trash=True)
    found = _deletions(view)
    context = _context(view, found)
    return render_template("trash/_deletions.html", view=view, module=view.module, **context)


def _context(view: ListView, found: list[Deletion]) -> dict[str, Any]:
    runs = {each.run_id for each in found}
    runs |= {record["deleted_run_id"] for record in view.page.records}
    return {
        "causes": causes(runs),
        "counted": COUNTED,
        "days_left": days_left,
        "deletions": found,
        "restore_days": restore_days(),
    }


def _module() -> Module:
    return get_module(next(iter(MODULES)))


def _deletions(view: ListView) -> list[Deletion]:
    """The latest deletions; the one that is looked at, when only one is."""
    if view.query.deleted_run is not None:
        one = deletion_by(view.module, view.user, view.query.deleted_run)
        return [one] if one else []
    if view.filtered or view.error:
        return []
    return recent_deletions(view.module, view.user, DELETIONS)


def causes(run_ids: Iterable[int | None]) -> dict[int, Cause]:
    """The runs of these ids, by id."""
    rows = db.session.execute(
        select(Run.id, Run.name, Run.action, visible_runs(me()).label("visible")).where(
            Run.id.in_([each for each in run_ids if each is not None])
        )
    )
    return {row.id: Cause(row.name, row.action == "restore", row.visible) for row in rows}


class FindForm(Form):
    """Values to look for."""

    pasted = TextAreaField(
        "E-mails, phone numbers or IDs",
        description="One per line, or separated by anything. Phone numbers with a country code.",
    )
    wanted: list[Value]

    def validate_pasted(self, field: TextAreaField) -> None:
        """At least one value, and not too many."""
        try:
            self.wanted = read_pasted(field.data or "")
        except TooManyValues as error:
            raise ValidationError(str(error)) from error
        if not self.wanted:
            raise ValidationError("Paste at least one e-mail, phone number or ID.")


@bp.get("/find")
@permission("trash.view")
def find_form() -> Response:
    """The dialog to paste into."""
    return _find(FindForm())


@bp.post("/find")
@permission("trash.view")
def find() -> Response:
    """Look for the pasted values across all deletions; what was found is a selection then."""
    form = FindForm(request.form)
    if not form.validate():
        return _find(form, status=422)
    module, user = _module(), me()
    found = find_pasted(module, form.wanted, user)
    token = shown = ""
    if found.ids:
        selection = selections.new_selection(user, module, trash=True)
        selections.tick(selection, found.ids)
        token = str(selection.token)
        db.session.commit()
    if 0 < len(found.ids) <= LISTED:
        condition = Condition("id", "one_of", "|".join(map(str, found.ids)))
        shown = ListView.read(module, user, MultiDict(), trash=True).with_condition(condition)
    return _find(form, found=found, token=token, shown=shown)


def _find(
    form: FindForm, *, found: Found | None = None, status: int = 200, **more: Any
) -> Response:
    name = "trash/_find.html" if asked_by_htmx() else "trash/find.html"
    html = render_template(name, form=form, found=found, module=_module(), **more)
    return make_response(html, status)
