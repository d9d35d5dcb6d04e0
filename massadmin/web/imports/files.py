"""The staged file that a page of the wizard is about."""

from __future__ import annotations

from flask import abort, current_app, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import ImportFile, limits_of
from massadmin.records.modules import Module, get_module
from massadmin.tabular import Limits
from massadmin.web.answers import go


def me() -> User:
    """Whoever asks."""
    user: User = current_user._get_current_object()
    return user


def limits() -> Limits:
    """What an imported file may be."""
    return limits_of(current_app.config["SETTINGS"])


def file_or_404(file_id: int) -> ImportFile:
    """The person's own file; that of anybody else does not exist for them."""
    file = db.session.get(ImportFile, file_id)
    if file is None or file.user_id != me().id:
        abort(404, "This file is not kept any more, or somebody else uploaded it.")
    return file


def module_of(file: ImportFile) -> Module:
    """The module that the file is imported into, if the person may."""
    if not me().can(f"{file.module}.import"):
        abort(403)
    return get_module(file.module)


def elsewhere(file: ImportFile) -> Response | None:
    """Where to send somebody who comes to the wizard with a file that was imported, whose import is
    being started, or that has no columns to map yet."""
    if file.run_id is not None:
        return go(url_for("runs.show", run_id=file.run_id))
    if file.under_way == "start":
        return go(url_for("imports.starting", file_id=file.id))
    if file.under_way == "read" or not file.was_read:
        return go(url_for("imports.reading", file_id=file.id))
    return None
