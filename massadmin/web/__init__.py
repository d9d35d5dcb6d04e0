"""The pages. Every file here that has a blueprint called `bp` is a family of pages; one that has
`NAV` puts entries into the sidebar. Neither needs a line in another file."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType

from flask import Blueprint, Flask

from massadmin.auth.sessions import LIFETIME
from massadmin.web import access, assets, errors, formats, headers, nav, proxies


def init_app(app: Flask) -> None:
    """Hook the pages, their guards and their filters to `app`, whose settings are in place."""
    _configure_cookies(app)
    access.init_app(app)
    assets.init_app(app)
    errors.init_app(app)
    formats.init_app(app)
    headers.init_app(app)
    proxies.init_app(app)
    entries: list[nav.Entry] = []
    for module in _page_modules():
        blueprint = getattr(module, "bp", None)
        if isinstance(blueprint, Blueprint):
            app.register_blueprint(blueprint)
        entries += getattr(module, "NAV", ())
    nav.init_app(app, entries)


def _page_modules() -> Iterator[ModuleType]:
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        yield importlib.import_module(f"{__name__}.{found.name}")


def _configure_cookies(app: Flask) -> None:
    secure = bool(app.config["SETTINGS"].cookie_secure)
    # Browsers share cookies between the ports of a host: two installations on one machine would
    # sign each other out if their cookies had the same name.
    mark = hashlib.sha256(str(app.secret_key).encode()).hexdigest()[:8]
    app.config.update(
        SESSION_COOKIE_NAME=("__Host-" if secure else "") + f"massadmin-{mark}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME + timedelta(days=1),  # the server's own limit rules
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as its session
    )
