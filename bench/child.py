"""`python -m bench.child worker`, `… web PORT PROCESSES`: the console on the bench's tables.

Their settings come from the environment. They live no longer than the bench.
"""

from __future__ import annotations

import signal
import sys

from flask import Flask, request, template_rendered
from flask_login import current_user
from jinja2 import Template

from massadmin import logs
from massadmin.cli.aside import joined
from massadmin.cli.web_server import WebServer
from massadmin.config import Settings
from massadmin.embedded.child import die_with_parent
from massadmin.extensions import db
from massadmin.giving_way import give_way
from massadmin.runs.dispatch import run_worker
from massadmin.web.access import signed_in

LIST = "/contacts"
FROM_MEMORY = "/bench/from-memory"


def main() -> None:
    """Be what the arguments say until a signal."""
    die_with_parent(signal.SIGKILL)
    logs.setup("error")
    settings = Settings.from_env()
    with joined(settings) as app:
        if sys.argv[1] == "worker":
            give_way(db.engine)
            run_worker(app)
            return
        _offer_from_memory(app)
        db.session.remove()
        db.engine.dispose()
        port, processes = int(sys.argv[2]), int(sys.argv[3])
        threads = settings.web_threads
        WebServer(app, host="127.0.0.1", port=port, processes=processes, threads=threads).run()


def _offer_from_memory(app: Flask) -> None:
    """Answer `FROM_MEMORY` with the template of the list last answered, and all that was given to
    it then: what an answer takes when nothing has to be found out but who asks."""
    kept: dict[str, object] = {}

    def keep(
        sender: object, template: Template, context: dict[str, object], **more: object
    ) -> None:
        if request.path == LIST:
            kept.update(template=template, context=context)

    # Kept by the signal, so it must outlive this function.
    template_rendered.connect(keep, app, weak=False)

    @app.get(FROM_MEMORY)
    @signed_in
    def from_memory() -> str:
        template, context = kept["template"], kept["context"]
        assert isinstance(template, Template)
        assert isinstance(context, dict)
        return template.render({**context, "current_user": current_user})


if __name__ == "__main__":
    main()
