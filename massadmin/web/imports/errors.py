"""The rows of an import to look at again, as a file."""

from __future__ import annotations

from flask import abort, stream_with_context
from werkzeug.wrappers import Response

from massadmin import imports
from massadmin.web.access import signed_in
from massadmin.web.imports import bp
from massadmin.web.runs.view import run_or_404


@bp.get("/runs/<int(max=9223372036854775807):run_id>/import-errors.csv")
@signed_in
def errors(run_id: int) -> Response:
    """The rows that failed, and those imported without some cell, with the file's own columns."""
    run = run_or_404(run_id)
    if run.action != "import":
        abort(404)
    body = imports.error_lines(run)
    response = Response(stream_with_context(body), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{run.id}-errors.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response
