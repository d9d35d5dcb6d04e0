"""Adding and changing filters, one condition at a time."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from flask import abort, make_response, redirect, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.records.filter_sql import compile_condition
from massadmin.records.filters import BadFilter
from massadmin.records.modules import get_module
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx
from massadmin.web.records import MODULE, bp
from massadmin.web.records.address import parsed
from massadmin.web.records.filter_form import FilterForm
from massadmin.web.records.index import answer
from massadmin.web.records.view import ListView, current_view


@bp.get(MODULE + "/filter")
@permission("{module}.view")
def filter_form(module: str) -> Response:
    """The form; with `apply` the list as it is then, or the form again with what is wrong."""
    trash = request.args.get("trash") == "1"
    if trash and not current_user.can("trash.view"):
        abort(403)
    view = current_view(get_module(module), trash=trash)
    form = FilterForm.read(view)
    if "apply" not in request.args or "choose" in request.args:
        return _form(view, form, 200)
    try:
        compile_condition(view.module, form.condition, view.user)
    except BadFilter as error:
        form.error = str(error)
        return _form(view, form, 422)
    url = view.with_condition(form.condition, form.place)
    if not asked_by_htmx():
        return redirect(url, 303)
    if trash:
        response = make_response("", 200)
        where = {"path": url, "target": "#view", "swap": "outerHTML"}
        response.headers["HX-Location"] = json.dumps(where)
        return response
    changed = ListView.read(view.module, view.user, parsed(urlsplit(url).query))
    return answer(changed.load(), pushed=True)


def _form(view: ListView, form: FilterForm, status: int) -> Response:
    name = "records/_filter_form.html" if asked_by_htmx() else "records/filter.html"
    return make_response(render_template(name, view=view, module=view.module, form=form), status)
