"""Starting: a staged file, its mapping and its policy made into a preview or a run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select, update

from massadmin.auth.models import User
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.imports import uploads
from massadmin.imports.duplicates import find_duplicates
from massadmin.imports.leaving import NOTHING_LEFT
from massadmin.imports.mapping import check_mapping
from massadmin.imports.models import ImportFile, ImportRow
from massadmin.imports.policy import Policy, checked
from massadmin.imports.reading import Reader
from massadmin.imports.writing import reader_of
from massadmin.records.modules import Module
from massadmin.runs import preview as rehearsal
from massadmin.runs.action import get_action
from massadmin.runs.audience import Audience
from massadmin.runs.models import Run
from massadmin.runs.preview import Preview
from massadmin.runs.start import NotAllowed, Refused, check_permission
from massadmin.runs.start import start as start_run

ACTION = "import"
SAMPLE = 1_000
UNDER_WAY_ALREADY = {
    "read": "The file is still being read. Wait until that is done.",
    "start": "The import is being started already. Wait until that is done.",
}


def start(
    file: ImportFile,
    module: Module,
    policy: Policy,
    user: User,
    *,
    largest_chunk: int = Settings.chunk_size,
    name: str = "",
) -> Run:
    """Start importing the file. A file is imported once: starting it again gives the same run.
    Commits.

    Raises:
        NotAllowed: the user may not import, or the file is somebody else's.
        BadMapping: no column is mapped to a field, or one to a field that is gone.
        BadPolicy: the policy holds a value that is unknown.
        Refused: the file is not kept any more, or is still being read or started.
    """
    params = params_of(file, module, policy, user)
    # Two clicks wait for each other here, and the second one finds the run of the first.
    locked = lock(file.id)
    if locked is None:
        db.session.rollback()
        raise Refused("The file is not kept any more. Upload it again.")
    if locked.under_way is not None:
        refusal = UNDER_WAY_ALREADY[locked.under_way]
        db.session.rollback()
        raise Refused(refusal)
    if locked.run_id is not None:
        run = db.session.get_one(Run, locked.run_id)
        db.session.rollback()
        return run
    try:
        find_duplicates(file.id, reader_for(module, params, user))
        run = begin(locked, module, params, user, largest_chunk=largest_chunk, name=name)
    except BaseException:
        db.session.rollback()
        raise
    uploads.discard(file.upload)
    return run


def lock(file_id: int) -> ImportFile | None:
    """The file as it is now, and as it stays until the transaction ends; None when it is gone."""
    return db.session.execute(
        select(ImportFile)
        .where(ImportFile.id == file_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


def begin(
    file: ImportFile,
    module: Module,
    params: dict[str, Any],
    user: User,
    *,
    largest_chunk: int,
    name: str = "",
) -> Run:
    """Start the run of a file that is locked and whose duplicates were found. Commits.

    Raises:
        Refused: it cannot be started; the caller rolls back.
    """
    db.session.execute(
        update(ImportFile).where(ImportFile.id == file.id).values(policy=params["policy"])
    )
    return start_run(
        get_action(ACTION, module),
        module,
        rows_of(file),
        params,
        user,
        largest_chunk=largest_chunk,
        name=name,
        idempotency_key=run_key(file.id),
    )


def preview(
    file: ImportFile, module: Module, policy: Policy, user: User, *, sample: int = SAMPLE
) -> Preview:
    """Rehearse the import of the first `sample` rows. Rolls the session back.

    Raises:
        NotAllowed, BadMapping, BadPolicy, Refused: as `start`.
    """
    action = get_action(ACTION, module)
    params = params_of(file, module, policy, user)
    first = rows_of(file).ids.order_by(ImportRow.line).limit(sample).subquery()
    last_line = db.session.scalar(select(func.max(first.c.line)))
    try:
        find_duplicates(file.id, reader_for(module, params, user), last_line)
        return rehearsal.preview(action, module, rows_of(file), params, user, sample=sample)
    finally:
        db.session.rollback()


def rows_of(file: ImportFile) -> Audience:
    """The lines of the file's staged rows."""
    lines: Select[Any] = select(ImportRow.line).where(ImportRow.file_id == file.id)
    words = f"{file.rows:,} rows of {file.filename}"
    return Audience(lines, words, {"file": file.id}, size=file.rows)


def run_key(file_id: int) -> str:
    """The idempotency key of the run that imports a file."""
    return f"import file {file_id}"


def name_run(file_id: int, user: User) -> None:
    """Note the run that is being started as the one that imports the file. Runs that rehearse or
    repeat an import have other keys, so that they change nothing here."""
    run = select(Run.id).where(Run.user_id == user.id, Run.idempotency_key == run_key(file_id))
    db.session.execute(
        update(ImportFile)
        .where(ImportFile.id == file_id, ImportFile.run_id.is_(None))
        .values(**NOTHING_LEFT | {"run_id": run.scalar_subquery()})
    )


def params_of(file: ImportFile, module: Module, policy: Policy, user: User) -> dict[str, Any]:
    """The settings of the run: everything it needs to know but the rows.

    Raises:
        NotAllowed, BadMapping, BadPolicy, Refused: as `start`.
    """
    check_permission(get_action(ACTION, module), module, user)
    if file.user_id != user.id or file.module != module.key:
        raise NotAllowed("This file was uploaded by somebody else.")
    if not file.rows:
        raise Refused("The file has a header but no rows below it: there is nothing to import.")
    check_mapping(module, file.columns, file.mapping)
    return {
        "file": file.id,
        "filename": file.filename,
        "columns": list(file.columns),
        "mapping": list(file.mapping),
        "policy": checked(policy, module, user).to_json(),
    }


def reader_for(module: Module, params: dict[str, Any], user: User) -> Reader:
    """What reads the rows of the file in a run with these settings."""
    policy = Policy.from_json(params["policy"])
    return reader_of(module, params["columns"], params["mapping"], policy, user)
