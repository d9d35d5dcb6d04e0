"""Between the steps: a large file is being read, or its import started, by the clock."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from werkzeug.wrappers import Response

from massadmin import imports
from massadmin.imports import ImportFile
from massadmin.runs import alive
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, go, notice, page_or_fragment
from massadmin.web.imports import FILE, bp
from massadmin.web.imports.files import elsewhere, file_or_404, module_of


@dataclass(frozen=True)
class Words:
    """What the page of an errand says, and at which of the steps it stands."""

    step: int
    title: str
    bar: str
    announced: str
    why: str
    nobody: str


READING = Words(
    step=1,
    title="Reading the file",
    bar="Reading",
    announced="of the file are read",
    why="It is large, so reading its rows takes a while. You can leave this page: the file will "
    "be among your latest ones.",
    nobody="No clock is running, and it is the clock that reads large files. The file waits until "
    "one does.",
)
STARTING = Words(
    step=4,
    title="Starting the import",
    bar="Starting",
    announced="of the start are done",
    why="It is large, so looking for duplicates among its rows takes a while; until that is done, "
    "no record is changed. You can leave this page: the import will be among the bulk actions. Not "
    "starting it leads back to the check, where everything stays as you chose it.",
    nobody="No clock is running, and it is the clock that starts large imports. This one waits "
    "until one does.",
)


@bp.get(FILE + "/reading")
@permission("contacts.import")
def reading(file_id: int) -> Response:
    """How far reading the file is; on to its columns once it was read."""
    file = file_or_404(file_id)
    module_of(file)
    if file.under_way != "read":
        if file.was_read:
            return elsewhere(file) or go(url_for("imports.columns", file_id=file.id))
        if asked_by_htmx():
            return go(url_for("imports.reading", file_id=file.id))
    return _page(file, READING)


@bp.get(FILE + "/starting")
@permission("contacts.import")
def starting(file_id: int) -> Response:
    """How far starting the import is; on to its run once there is one, or back to the check, which
    says why there is none."""
    file = file_or_404(file_id)
    module_of(file)
    if file.under_way != "start":
        return elsewhere(file) or go(url_for("imports.check", file_id=file.id))
    return _page(file, STARTING)


@bp.post(FILE + "/call-off")
@permission("contacts.import")
def call_off(file_id: int) -> Response:
    """Do not start the import; back to the check, where everything is as it was chosen."""
    file = file_or_404(file_id)
    module_of(file)
    if imports.call_off(file):
        notice("The import was not started. No record was touched.")
    return go(url_for("imports.starting", file_id=file_id))


def _page(file: ImportFile, words: Words) -> Response:
    return page_or_fragment(
        "imports/errand.html",
        "imports/_errand.html",
        file=file,
        words=words,
        nobody_there=not alive.count_alive("clock"),
    )
