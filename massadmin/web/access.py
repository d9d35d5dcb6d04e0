"""Who may ask for what. Every view carries one of three marks; one without any answers 403.

    @bp.get("/contacts")
    @permission("contacts.view")
    def index(): ...

The mark stands below the route. `permission("{module}.view")` is filled in from the URL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.extensions import login_manager

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
SIGNED_IN = "signed in"


def permission(*needed: str) -> Callable[[View], View]:
    """The view is for those who hold every one of the permissions `needed`."""

    def mark(view: View) -> View:
        view.access = needed  # type: ignore[attr-defined]  # read again by `access_of`
        return view

    return mark


def public(view: View) -> View:
    """The view is for everybody, signed in or not."""
    view.access = (PUBLIC,)  # type: ignore[attr-defined]  # read again by `access_of`
    return view


def signed_in(view: View) -> View:
    """The view is for everybody who is signed in, whatever their role."""
    view.access = (SIGNED_IN,)  # type: ignore[attr-defined]  # read again by `access_of`
    return view


def access_of(app: Flask, endpoint: str) -> tuple[str, ...] | None:
    """What the view of `endpoint` asks for; None when nobody said."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return (PUBLIC,)
    return getattr(app.view_functions[endpoint], "access", None)


def init_app(app: Flask) -> None:
    app.before_request(_guard)
    login_manager.unauthorized_handler(sign_in_first)


def _guard() -> Response | None:
    if request.endpoint is None:
        return None  # no such page; the 404 follows
    needed = access_of(current_app, request.endpoint)
    if needed is None:
        current_app.logger.error("no permission is declared for %s", request.endpoint)
        abort(403)
    if needed == (PUBLIC,):
        return None
    if not current_user.is_authenticated:
        return sign_in_first()
    for each in needed:
        wanted = each.format(**(request.view_args or {}))
        if wanted != SIGNED_IN and not current_user.can(wanted):
            abort(403)
    return None


def sign_in_first() -> Response:
    """Send to the sign-in page, and back to where they were afterwards."""
    if request.method in ("GET", "HEAD"):
        here = request.full_path.rstrip("?")
    else:
        here = ""
        flash("You were signed out before that was done. Sign in and do it again.", "warning")
    if request.headers.get("HX-Request") == "true":
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        here = page.path + (f"?{page.query}" if page.query else "")
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = url_for("sign_in.form", next=safe_path(here))
        return answer
    return redirect(url_for("sign_in.form", next=safe_path(here)), 303)


def safe_path(target: str | None) -> str | None:
    """`target` when it is a page of this console, else None.

    Browsers read `//host`, `/\\host` and `/<tab>/host` as other hosts; none of these pass.
    """
    if not target or len(target) > 2_000 or not target.startswith("/"):
        return None
    if target.startswith("//") or "\\" in target or any(ord(sign) < 0x21 for sign in target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or parts.path == "/":
        return None
    return target
