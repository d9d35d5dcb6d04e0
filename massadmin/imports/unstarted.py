"""Imports that are too large to be started while somebody waits: the clock starts them.

Before a run can begin, every row is looked at for those with the same match value. What may be
imported, how, and by whom, is asked when somebody asks for it, and again when it is done.
"""

from __future__ import annotations

from sqlalchemy import update

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import starting, uploads
from massadmin.imports.duplicates import find_duplicates
from massadmin.imports.leaving import NOTHING_LEFT, Teller, leave
from massadmin.imports.models import UNDER_WAY, ImportFile
from massadmin.imports.policy import Policy
from massadmin.records.modules import Module, get_module

# A second of looking for duplicates at most.
QUICK_ROWS = 100_000
# How much of the work that is, the rest being what the database does with what was found.
SHARE_OF_LOOKING = 0.8


def starts_quickly(file: ImportFile) -> bool:
    """Whether the file is small enough for its import to be started while somebody waits."""
    return file.rows <= QUICK_ROWS


def leave_unstarted(file: ImportFile, module: Module, policy: Policy, user: User) -> None:
    """Leave it to the clock to start importing the file. Commits.

    Raises:
        NotAllowed, BadMapping, BadPolicy, Refused: as `start`.
        LookupError: it was imported meanwhile, or left to the clock already.
    """
    asked = starting.params_of(file, module, policy, user)["policy"]
    leave(file.id, "start", asked, policy=asked)


def call_off(file: ImportFile) -> bool:
    """Have the clock not start the import; whether it was still to be started. Commits."""
    found = db.session.scalar(
        update(ImportFile)
        .where(ImportFile.id == file.id, ImportFile.errand == "start", UNDER_WAY)
        .values(**NOTHING_LEFT)
        .returning(ImportFile.id)
    )
    db.session.commit()
    return found is not None


def start_left(file: ImportFile, largest_chunk: int) -> None:
    """Start the import as it was asked for, for whoever uploaded the file. Commits.

    Raises:
        NotAllowed, BadMapping, BadPolicy, Refused: as `start`.
        LookupError: it was called off meanwhile, changed, or discarded.
    """
    module, user = get_module(file.module), db.session.get_one(User, file.user_id)
    rows, upload, tell = file.rows, file.upload, Teller(file.id)
    params = starting.params_of(file, module, Policy.from_json(file.choices), user)

    def watch(looked_at: int) -> None:
        tell(SHARE_OF_LOOKING * looked_at / rows)

    find_duplicates(file.id, starting.reader_for(module, params, user), watch=watch)
    # Only now, because until then others have to be able to call it off, and to tell how far it is.
    locked = starting.lock(file.id)
    if locked is None or locked.under_way != "start":
        raise LookupError("it was called off")
    db.session.refresh(user)
    if starting.params_of(locked, module, Policy.from_json(locked.choices), user) != params:
        raise LookupError("it was changed meanwhile")
    starting.begin(locked, module, params, user, largest_chunk=largest_chunk)
    uploads.discard(upload)
