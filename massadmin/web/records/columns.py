"""Columns: which a person sees in a list, and in what order."""

from __future__ import annotations

from dataclasses import dataclass

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from massadmin.auth import people
from massadmin.extensions import db
from massadmin.records.fields import Field
from massadmin.records.modules import Module, get_module
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, go
from massadmin.web.records import MODULE, bp
from massadmin.web.records.address import state_of
from massadmin.web.records.people import me
from massadmin.web.records.view import ListView


@dataclass(frozen=True)
class Choice:
    """One field in the picker; `first` and `last` cannot move further."""

    field: Field
    shown: bool
    first: bool = False
    last: bool = False


def picker(view: ListView) -> list[Choice]:
    """The columns shown, in their order, then the other fields in the module's."""
    shown = view.columns
    return [
        *(
            Choice(each, True, first=place == 0, last=place == len(shown) - 1)
            for place, each in enumerate(shown)
        ),
        *(Choice(each, False) for each in view.module.fields if each not in shown),
    ]


@bp.post(MODULE + "/columns")
@permission("{module}.view")
def columns(module: str) -> Response:
    """Keep the columns as ticked, moved or reset; answers with the picker."""
    found = get_module(module)
    user = me()
    view = ListView.read(found, user, state_of(request.form))
    keys: list[str] | None = chosen(found, request.form.getlist("column"))
    for name, step in (("up", -1), ("down", 1)):
        if request.form.get(name):
            keys = moved(keys or [], request.form[name], step)
    people.set_preference(user, view.columns_key, None if "reset" in request.form else keys or None)
    db.session.commit()
    if not asked_by_htmx():
        return go(view.here())
    fresh = ListView.read(found, user, state_of(request.form))
    response = make_response(
        render_template("records/_columns.html", view=fresh, module=found, picker=picker(fresh))
    )
    response.headers["HX-Trigger"] = "columns-changed"
    return response


def chosen(module: Module, keys: list[str]) -> list[str]:
    """Those of `keys` that are fields, each once, in their order."""
    known = {field.key for field in module.fields}
    return [key for key in dict.fromkeys(keys) if key in known]


def moved(keys: list[str], key: str, step: int) -> list[str]:
    """The keys with one moved a place up or down, as far as it goes."""
    if key not in keys:
        return keys
    here = keys.index(key)
    there = max(0, min(len(keys) - 1, here + step))
    return [*(rest := [each for each in keys if each != key])[:there], key, *rest[there:]]
