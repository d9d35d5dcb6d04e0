"""The list of a module's records, and the count that is loaded after it."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from massadmin.records.filters import BadFilter
from massadmin.records.listing import title
from massadmin.records.modules import get_module
from massadmin.records.smart_lists import may_change
from massadmin.runs.history import active_runs
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx
from massadmin.web.records import MODULE, bp
from massadmin.web.records.bar import Bar, bar_of, offers
from massadmin.web.records.cells import rows
from massadmin.web.records.columns import picker
from massadmin.web.records.filter_form import FilterForm
from massadmin.web.records.view import ListView, current_view


@bp.get(MODULE)
@permission("{module}.view")
def index(module: str) -> Response:
    """The page; for htmx what is below its heading, or only the table when that is asked for."""
    return answer(current_view(get_module(module)).load())


def answer(
    view: ListView, *, pushed: bool = False, page: str = "records/index.html", **more: Any
) -> Response:
    """The list as whoever asked wants it; `pushed` puts its address into the address bar.

    Args:
        page: the template of the whole page.
        more: what that page needs besides.
    """
    if not asked_by_htmx():
        return make_response(render_template(page, **context(view), **more), view.status)
    only_table = request.headers.get("HX-Target") == "list" and not pushed
    name = "records/_list.html" if only_table else "records/_view.html"
    # A turned page leaves the bar alone, so nothing need be counted for it.
    given = context(view, bar=Bar() if only_table else None)
    if only_table:  # it is fetched after a bulk action too, which may be over by now
        given["active"] = active_runs(view.user)
    html = render_template(
        name, **given, **more, fragment=True, only_table=only_table, added=pushed
    )
    response = make_response(html, view.status)
    if not only_table:
        response.headers["HX-Push-Url"] = view.here()
    if pushed:
        response.headers["HX-Retarget"] = "#view"
        response.headers["HX-Reswap"] = "outerHTML"
    return response


def context(view: ListView, bar: Bar | None = None) -> dict[str, Any]:
    """What the templates of a list need; `bar` where it is known or not shown."""
    module = view.module
    return {
        "view": view,
        "module": module,
        "bar": bar or bar_of(view),
        "offers": offers(view),
        "picker": picker(view),
        "form": FilterForm.blank(module),
        "may_change_list": bool(view.smart_list and may_change(view.smart_list, view.user)),
        "rows": rows,
        "title": lambda record: title(module, record),
    }


@bp.get(MODULE + "/count")
@permission("{module}.view")
def count(module: str) -> Response:
    """How many records the filters find, counted to the end, as fragments for where it stands; what
    asks again while they are still being counted."""
    view = current_view(get_module(module))
    if view.error:
        return make_response("")
    try:
        found = view.count_all()
    except BadFilter:
        return make_response("")
    if found is None:
        return make_response(render_template("records/_counting.html", view=view, again=True))
    # A bar that offers to select "all 10,000+" learns how many there are.
    response = make_response(render_template("records/_count.html", count=found))
    response.headers["HX-Trigger-After-Swap"] = "counted"
    return response
