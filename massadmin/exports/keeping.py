"""How long exported files are kept, and who may have them."""

from __future__ import annotations

import logging
import re
import shutil
import time
from pathlib import Path

from sqlalchemy import func, select

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.exports.parts import finished_file, folder
from massadmin.extensions import db
from massadmin.runs import files
from massadmin.runs.models import Run
from massadmin.runs.states import ENDED

log = logging.getLogger(__name__)

_FOLDER = re.compile(r"[0-9]+-[0-9a-f]{16}")

audit.name_events(
    {"export.downloaded": "Downloaded an export", "export.expired": "Removed an exported file"}
)


def may_download(run: Run, user: User) -> bool:
    """Exports are for whoever made them, and for admins, as long as they may export at all."""
    mine = run.user_id == user.id or user.role == "admin"
    return mine and user.can(f"{run.module}.export")


def file_of(run: Run) -> Path | None:
    """The file of an export, while it is kept; None before it is finished and when it is gone."""
    if run.state != "completed":
        return None
    path = finished_file(run.id, run.params)
    return path if path.is_file() else None


def expire(days: int) -> int:
    """Remove files of exports that ended more than `days` days ago, and parts of those that were
    cancelled. Commits.

    Returns:
        Of how many exports.
    """
    place = files.root() / "exports"
    if not place.is_dir():
        return 0
    edge = func.now() - func.make_interval(0, 0, 0, days)
    kept = Run.state.not_in(ENDED) | ((Run.state == "completed") & (Run.finished_at >= edge))
    runs = db.session.execute(
        select(Run.id, Run.params, kept.label("kept")).where(Run.action == "export")
    )
    known = {folder(run.id, run.params): run.kept for run in runs}
    gone = [
        each
        for each in sorted(place.iterdir())
        if _FOLDER.fullmatch(each.name) and not known.get(each, _is_younger(each, days))
    ]
    for each in gone:
        shutil.rmtree(each)
        run_id = each.name.partition("-")[0]
        audit.record("export.expired", user=None, subject=f"run:{run_id}")
        db.session.commit()
        log.info("run=%s export expired", run_id)
    db.session.commit()
    return len(gone)


def _is_younger(path: Path, days: int) -> bool:
    """A folder that is no run's may be another database's, or of a run that is just beginning."""
    return time.time() - path.stat().st_mtime < days * 86_400
