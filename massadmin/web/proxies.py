"""Reverse proxies in front of the console, which tell it who asks, and how."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask) -> None:
    """Believe the last `trusted_proxies` proxies; anybody can write these headers otherwise."""
    count = app.config["SETTINGS"].trusted_proxies
    if count:
        proxied = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
        app.wsgi_app = proxied  # type: ignore[method-assign]  # as Flask says to do it
