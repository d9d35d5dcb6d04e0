"""The web server: gunicorn in this process, with one child that answers in threads."""

from __future__ import annotations

import signal
from typing import Any

from flask import Flask
from gunicorn.app.base import (  # type: ignore[import-untyped]  # gunicorn has no types
    BaseApplication,
)
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn has no types

from massadmin.embedded.child import die_with_parent

# Seconds that answers under way, such as a download, have to finish after SIGTERM.
GRACE = 30
# Filters live in addresses, and fifty conditions make a long one.
LONGEST_ADDRESS = 8_190


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's own events, in our format; no line per request."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _tie(server: object, worker: object) -> None:
    # Asked to stop, it finishes its answers first; left behind, it has nobody to finish them for.
    die_with_parent(signal.SIGKILL)


class WebServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves `app` until SIGTERM, Ctrl-C, or SIGQUIT, which does not wait for answers.

    One process, because the database does the work and Python's part is small; the threads share
    its pool of connections and its metrics.
    """

    def __init__(self, app: Flask, *, host: str, port: int, threads: int) -> None:
        self._app = app
        self._options = {
            "bind": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"],
            "workers": 1,
            "worker_class": "gthread",
            "threads": threads,
            "graceful_timeout": GRACE,
            "accesslog": None,
            "loglevel": "warning",
            "logger_class": _Log,
            # Whose word on addresses and https counts is for MASSADMIN_TRUSTED_PROXIES to say.
            "forwarded_allow_ips": "",
            "limit_request_line": LONGEST_ADDRESS,
            "control_socket_disable": True,
            "proc_name": "massadmin web",
            "post_fork": _tie,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app
