"""Odds and ends of the whole console: where `/` leads, the theme, the list of shortcuts."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from massadmin.web.access import public, safe_path, signed_in
from massadmin.web.nav import navigation

bp = Blueprint("console", __name__)

SHORTCUTS = (
    (
        "Lists",
        (
            ("/", "Search"),
            ("j", "Next row"),
            ("k", "Previous row"),
            ("x", "Tick the row"),
            ("Shift x", "Tick all rows from the last one"),
            ("Enter", "Open the row"),
            ("e", "Choose an action for the ticked rows"),
            ("Esc", "Clear the selection"),
        ),
    ),
    (
        "Everywhere",
        (
            ("g b", "Go to Bulk actions"),
            ("v", "Follow the link of the latest notice"),
            ("?", "Show these shortcuts"),
        ),
    ),
)


@bp.get("/")
@signed_in
def home() -> Response:
    entries = navigation()
    return redirect(entries[0].url if entries else url_for("settings.index"))


@bp.get("/shortcuts")
@signed_in
def shortcuts() -> str:
    template = "_shortcuts.html" if request.headers.get("HX-Request") else "shortcuts.html"
    return render_template(template, groups=SHORTCUTS)


@bp.post("/theme")
@public
def theme() -> Response:
    """Keep the theme in a cookie, so that the first byte of a page already has the right one."""
    response = redirect(safe_path(request.form.get("next")) or url_for("console.home"), 303)
    chosen = request.form.get("theme", "")
    if chosen in ("light", "dark"):
        response.set_cookie(
            "theme",
            chosen,
            max_age=365 * 24 * 3600,
            samesite="Lax",
            secure=request.is_secure,
            httponly=True,
        )
    else:
        response.delete_cookie("theme")
    return response
