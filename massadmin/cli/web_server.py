"""The web server: gunicorn in this process, with children that answer in threads."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from flask import Flask
from gunicorn.app.base import (  # type: ignore[import-untyped]  # gunicorn has no types
    BaseApplication,
)
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn has no types
from gunicorn.workers.gthread import (  # type: ignore[import-untyped]  # gunicorn has no types
    ThreadWorker,
)

from massadmin.embedded.child import die_with_parent

# Seconds that answers under way, such as a download, have to finish after SIGTERM.
GRACE = 30
# Filters live in addresses, and fifty conditions make a long one.
LONGEST_ADDRESS = 8_190
# Seconds that a silent connection stays open. Pages that are live ask every two seconds, and a
# connection that is closed just when its next request comes looks like a server that is gone.
KEPT = 20
SWITCH = 0.0005  # seconds
# Folders of counts are called so, and by the process that made them.
COUNTS = "massadmin-metrics-"


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's own events, in our format; no line per request."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Process(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Takes a connection only while a thread of its own is free to answer it.

    Left to itself it takes all that come, and they wait for its threads while those of another
    process have nothing to do. While all are busy, nobody keeps a connection either: they queue up
    with those who have none yet, and each gets a turn.
    """

    @property
    def max_keepalived(self) -> int:
        """How many silent connections are kept now."""
        return self._most_kept if self._accepting else 0

    @max_keepalived.setter
    def max_keepalived(self, most: int) -> None:
        self._most_kept = most

    def set_accept_enabled(self, enabled: bool) -> None:
        silent = len(self.keepalived_conns) + len(self.pending_conns)
        super().set_accept_enabled(enabled and self.nr_conns - silent < self.cfg.threads)

    def accept(self, listener: Any) -> None:
        super().accept(listener)
        self.set_accept_enabled(True)


def _begin(server: object, worker: object) -> None:
    # A thread that has its answer from the database waits this long for one that makes a page, and
    # a page asks the database a dozen times. By default it is ten times as long.
    sys.setswitchinterval(SWITCH)
    # Asked to stop, it finishes its answers first; left behind, it has nobody to finish them for.
    die_with_parent(signal.SIGKILL)


class WebServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves `app` until SIGTERM, Ctrl-C, or SIGQUIT, which does not wait for answers.

    Each of `processes` answers up to `threads` requests at once, with a pool of connections of its
    own. Python runs one thread of a process at a time, so making pages keeps a process busy; what
    was loaded before they are forked, they share.
    """

    def __init__(
        self, app: Flask, *, host: str, port: int, processes: int = 1, threads: int
    ) -> None:
        self._app = app
        self._options = {
            "bind": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"],
            "workers": processes,
            "worker_class": _Process,
            "threads": threads,
            "graceful_timeout": GRACE,
            "keepalive": KEPT,
            "accesslog": None,
            "loglevel": "warning",
            "logger_class": _Log,
            # Whose word on addresses and https counts is for MASSADMIN_TRUSTED_PROXIES to say.
            "forwarded_allow_ips": "",
            "limit_request_line": LONGEST_ADDRESS,
            "control_socket_disable": True,
            "proc_name": "massadmin web",
            "post_fork": _begin,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app

    def run(self) -> None:
        # Read by each process for itself, the templates would take their time and memory twice.
        for name in self._app.jinja_env.list_templates(extensions=["html"]):
            self._app.jinja_env.get_template(name)
        # What is here now stays: looked at by the collector, it would be copied into each process.
        gc.collect()
        gc.freeze()
        super().run()


@contextmanager
def counted_together() -> Iterator[None]:
    """Have processes that are forked in the block count their requests into files that /metrics
    adds up, whichever of them is asked. Goes around the making of the application."""
    maker = os.getpid()
    _remove_left_behind()
    folder = tempfile.mkdtemp(prefix=f"{COUNTS}{maker}-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        # A process that was forked leaves this block too.
        if os.getpid() == maker:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind() -> None:
    """Remove the counts of web servers that were killed."""
    for each in Path(tempfile.gettempdir()).glob(f"{COUNTS}*"):
        maker = each.name.removeprefix(COUNTS).partition("-")[0]
        if maker.isdecimal() and not psutil.pid_exists(int(maker)):
            shutil.rmtree(each, ignore_errors=True)  # somebody else's stays
