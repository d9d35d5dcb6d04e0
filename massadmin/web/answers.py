"""Answers that suit whoever asked: a fragment for htmx; a page or redirect for a plain browser."""

from __future__ import annotations

from typing import Any

from flask import flash, get_flashed_messages, make_response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response


def asked_by_htmx() -> bool:
    """Whether a fragment is wanted. Going back in the history wants the whole page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and not headers.get("HX-History-Restore-Request")


def page_or_fragment(page: str, fragment: str, status: int = 200, **context: Any) -> Response:
    """The template `fragment` for htmx, else `page`, which includes the same fragment."""
    name = fragment if asked_by_htmx() else page
    return make_response(render_template(name, **context), status)


def go(url: str) -> Response:
    """Send the browser to `url` after a change; flashes show there."""
    if asked_by_htmx():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url
        return response
    return redirect(url, 303)


def notice(text: str, kind: str = "success", *, href: str = "", label: str = "") -> None:
    """Queue a toast; `kind` is success, info, warning or error. With `href` it ends in a link.

    It shows on the next page, or in this answer where that is made by `fragments`.
    """
    message: Any = {"text": text, "href": href, "label": label} if href else text
    flash(message, kind)


def fragments(
    *parts: str, close_dialog: bool = False, retarget: str = "", status: int = 200
) -> Response:
    """Several rendered fragments at once, with the toasts queued by `notice` behind them.

    `retarget` is the selector of the element that the first part replaces, where that is not the
    one that the form named, such as the list behind a dialog.
    """
    toasts = render_template("_toasts_oob.html") if get_flashed_messages() else ""
    response = make_response(Markup("").join([*map(Markup, parts), Markup(toasts)]), status)  # noqa: S704  # templates escape
    if retarget:
        response.headers["HX-Retarget"] = retarget
        response.headers["HX-Reswap"] = "outerHTML"
    if close_dialog:
        response.headers["HX-Trigger"] = "close-dialog"
    return response
