"""Between the first and the second step: a large file is being read, or could not be."""

from __future__ import annotations

from flask import url_for
from werkzeug.wrappers import Response

from massadmin.runs import alive
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, go, page_or_fragment
from massadmin.web.imports import FILE, bp
from massadmin.web.imports.files import file_or_404, module_of


@bp.get(FILE + "/reading")
@permission("contacts.import")
def reading(file_id: int) -> Response:
    """How far reading the file is; on to its columns once it was read."""
    file = file_or_404(file_id)
    module_of(file)
    if file.run_id is not None or (file.unread is None and file.was_read):
        return go(url_for("imports.columns", file_id=file.id))
    if file.unread is None and asked_by_htmx():
        return go(url_for("imports.reading", file_id=file.id))
    return page_or_fragment(
        "imports/reading.html",
        "imports/_reading.html",
        file=file,
        nobody_reads=not alive.count_alive("clock"),
    )
