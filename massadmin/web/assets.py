"""Stylesheets, scripts and icons: addresses that change with the content, SVG in the page."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import lucide
from flask import Blueprint, Flask, Response, current_app, request, send_file, url_for
from markupsafe import Markup, escape

from massadmin.web.access import public

bp = Blueprint("assets", __name__)

VENDOR = {"htmx.min.js": ("js_lib_htmx", "static/htmx/htmx.min.js")}
"""Files served from installed packages, so that no copy of them is kept here."""


@bp.get("/static/vendor/<name>")
@public
def vendor(name: str) -> Response:
    if name not in VENDOR:
        return Response(status=404)
    return send_file(vendor_path(name), mimetype="text/javascript")


@bp.get("/favicon.ico")
@public
def favicon() -> Response:
    return current_app.send_static_file("favicon.svg")


def vendor_path(name: str) -> Path:
    package, inside = VENDOR[name]
    return Path(str(files(package))) / inside


def static_url(name: str) -> str:
    """The address of `static/<name>`, or of a vendor file as `vendor/<name>`, with its hash."""
    path = _path(str(current_app.static_folder), name)
    # A page names ten of them: an address is made again where the file or its place changed.
    return _address(name, path, path.stat().st_mtime_ns, request.root_path)


@lru_cache(maxsize=256)
def icon(name: str, size: int = 16, label: str = "", extra_class: str = "") -> Markup:
    """A lucide icon as inline SVG. With a `label` it is an image of that name, else decoration.

    Raises:
        lucide.IconDoesNotExist: a typing mistake; see https://lucide.dev/icons for the names.
    """
    attributes: dict[str, Any] = {"class": f"icon {extra_class}".strip(), "focusable": "false"}
    if label:
        attributes |= {"role": "img", "aria-label": str(escape(label))}
    else:
        attributes |= {"aria-hidden": "true"}
    # The markup comes from a package's own files and the attributes above, not from people.
    svg = lucide._render_icon(name, size, **attributes)
    return Markup(svg)  # noqa: S704  # see the line above


@lru_cache(maxsize=256)
def _path(folder: str, name: str) -> Path:
    if name.startswith("vendor/"):
        return vendor_path(name.removeprefix("vendor/"))
    return Path(folder) / name


@lru_cache(maxsize=256)
def _address(name: str, path: Path, _changed: int, _root: str) -> str:
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    if name.startswith("vendor/"):
        return url_for("assets.vendor", name=name.removeprefix("vendor/"), v=mark)
    return url_for("static", filename=name, v=mark)


def init_app(app: Flask) -> None:
    app.jinja_env.globals["static_url"] = static_url
    app.jinja_env.globals["icon"] = icon
