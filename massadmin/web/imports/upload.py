"""The first step: a file is chosen, read, and its columns are mapped as well as can be guessed."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import ImportFile, uploads
from massadmin.records.modules import MODULES, Module, UnknownModule, get_module
from massadmin.runs.models import Run
from massadmin.runs.progress import Progress, progress_of
from massadmin.runs.results import any_noted
from massadmin.tabular import BadFile
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, go, notice, page_or_fragment
from massadmin.web.imports import FILE, bp
from massadmin.web.imports.files import file_or_404, limits, me
from massadmin.web.intake import takes_a_file

RECENT = 25


@dataclass(frozen=True)
class Past:
    """A file that was uploaded before; without a run it still waits to be imported."""

    file: ImportFile
    run: Run | None
    progress: Progress | None

    @property
    def url(self) -> str:
        """Where it goes on."""
        if self.run is not None:
            return url_for("runs.show", run_id=self.run.id)
        step = "imports.check" if self.file.errand == "start" else "imports.columns"
        return url_for(step, file_id=self.file.id)

    @property
    def has_errors(self) -> bool:
        """Whether there are rows to correct."""
        failed = self.progress is not None and self.progress.failed > 0
        return failed or (self.run is not None and any_noted(self.run))


@bp.get("/imports")
@permission("contacts.import")
def index() -> str:
    return render_template("imports/index.html", **_context())


@bp.post("/imports")
@permission("contacts.import")
@takes_a_file
def upload() -> Response:
    """Take a file, read it or leave it to be read, and go on to its columns."""
    try:
        module = get_module(request.form.get("module", "contacts"))
    except UnknownModule as error:
        return _refused(str(error))
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _refused("Choose a file first.")
    try:
        file = _staged(sent, module)
    except BadFile as error:
        return _refused(str(error))
    if file.under_way == "read":
        return go(url_for("imports.reading", file_id=file.id))
    if not file.rows:
        imports.drop_file(file.id)
        return _refused(imports.NO_ROWS)
    return go(url_for("imports.columns", file_id=file.id))


@bp.post(FILE + "/discard")
@permission("contacts.import")
def discard(file_id: int) -> Response:
    """Drop an uploaded file that was not imported."""
    file = file_or_404(file_id)
    name = file.filename
    if imports.drop_file(file.id):
        notice(f"Discarded {name}. No record was touched.")
    return go(url_for("imports.index"))


def _staged(sent: FileStorage, module: Module) -> ImportFile:
    """The sent file, kept to be read anew with another dialect; staged, unless that takes long."""
    kept, name = uploads.keep(sent.stream), sent.filename or "file"
    try:
        path = uploads.path_of(kept)
        assert path is not None
        if imports.reads_quickly(path, limits()):
            return imports.stage(path, name, module, me(), limits=limits(), upload=kept)
        return imports.leave_unread(path, name, module, me(), kept)
    except BaseException:
        uploads.discard(kept)
        raise


def _refused(reason: str) -> Response:
    return page_or_fragment(
        "imports/index.html", "imports/_upload.html", 422, **_context(reason, asked_by_htmx())
    )


def _context(refusal: str = "", fragment: bool = False) -> dict[str, object]:
    return {
        "refusal": refusal,
        "limits": limits(),
        "modules": [each for each in MODULES.values() if me().can(f"{each.key}.import")],
        "past": [] if fragment else _past(),
    }


def _past() -> list[Past]:
    files = list(
        db.session.scalars(
            select(ImportFile)
            .where(ImportFile.user_id == me().id)
            .order_by(ImportFile.id.desc())
            .limit(RECENT)
        )
    )
    ids = [file.run_id for file in files if file.run_id is not None]
    runs = {run.id: run for run in db.session.scalars(select(Run).where(Run.id.in_(ids)))}
    progress = progress_of(runs.values())
    return [
        Past(file, runs.get(file.run_id or 0), progress.get(file.run_id or 0)) for file in files
    ]
