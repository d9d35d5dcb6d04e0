"""Exported files, to be downloaded."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, request, send_file
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.auth import audit
from massadmin.exports.keeping import file_of, may_download
from massadmin.extensions import db
from massadmin.runs.models import Run
from massadmin.web.access import signed_in

bp = Blueprint("exports", __name__, url_prefix="/exports")

TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@bp.get("/<int(max=9223372036854775807):run_id>/download")
@signed_in
def download(run_id: int) -> Response:
    """The file of an export. Whoever may not have it learns no more than that there is none."""
    run = db.session.get(Run, run_id)
    if run is None or run.action != "export" or not may_download(run, current_user):
        abort(404)
    path = file_of(run)
    if path is None and run.state != "completed":
        abort(409, "The file is not finished yet. Look again when the bulk action is completed.")
    if path is None:
        days = current_app.config["SETTINGS"].export_days
        abort(410, f"Exported files are kept for {days} days. Export the records again.")
    audit.record(
        "export.downloaded",
        user=current_user,
        subject=f"run:{run.id}",
        details={"records": run.succeeded, "bytes": path.stat().st_size},
        address=request.remote_addr or "",
    )
    db.session.commit()
    response = send_file(
        path,
        mimetype=TYPES[run.params["format"]],
        as_attachment=True,
        download_name=f"{run.module}-{run.id}{path.suffix}",
    )
    response.headers["Cache-Control"] = "no-store"
    return response
