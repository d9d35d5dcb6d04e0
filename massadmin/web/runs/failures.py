"""The records that failed, as a CSV file that is made while it is downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from flask import request, stream_with_context
from werkzeug.wrappers import Response

from massadmin.auth.models import User
from massadmin.records.filters import BadFilter
from massadmin.records.modules import Module
from massadmin.runs.models import Run
from massadmin.runs.results import Results, called_by, every_result
from massadmin.tabular.formula import defuse
from massadmin.web.access import signed_in
from massadmin.web.runs import RUN, bp
from massadmin.web.runs.view import module_of, person, run_or_404, view_of

# Lines gathered before they are sent.
LINES_AT_ONCE = 500


@bp.get(RUN + "/failures.csv")
@signed_in
def failures(run_id: int) -> Response:
    """Those that failed; with `outcome`, `reason` or `q`, those that the results page shows."""
    run = run_or_404(run_id)
    try:
        asked = Results.from_args(request.args)
    except BadFilter:
        asked = Results()
    if asked == Results():
        asked = Results(outcome="failed")
    first = view_of(run, person()).item_label or "ID"
    body = _lines(run, asked, module_of(run), person(), first)
    response = Response(stream_with_context(body), mimetype="text/csv")
    name = f"bulk-action-{run.id}-{asked.outcome or 'results'}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(run: Run, asked: Results, module: Module, user: User, first: str) -> Iterator[bytes]:
    keys = called_by(module)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    # The mark that makes spreadsheets read UTF-8 as such.
    buffer.write("\ufeff")
    writer.writerow([first, *(module.field(key).label for key in keys), "Outcome", "Reason"])
    for count, row in enumerate(every_result(run, asked, module, user), 1):
        known = [row.record.values.get(key, "") for key in keys]
        writer.writerow([row.item, *map(defuse, [*known, row.outcome, row.reason])])
        if count % LINES_AT_ONCE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
