"""Turns: two imports never look for, and then create, the same record at the same time.

Within one run no two rows share a match value, so its chunks may run side by side. Chunks of
different imports of a module take turns: each holds a shared lock of its own run and, exclusively,
those of the other imports that are being worked on. All take their locks in the order of the runs'
ids, so nobody waits in a circle; while only one import runs, nobody waits at all.
"""

from __future__ import annotations

from sqlalchemy import func, select

from massadmin.extensions import db
from massadmin.runs.chunk import Chunk
from massadmin.runs.models import Run
from massadmin.runs.states import ACTIVE

# Advisory locks share one number space; see also runs/settle.py and runs/clock.py.
LOCK_BASE = 8_000_000_000_000


def take_turn(chunk: Chunk) -> None:
    """Wait until no other import of the module is inside a chunk; holds until the commit.

    What was committed meanwhile is seen by the statements that follow. A rehearsal commits
    nothing, so it waits for nobody.
    """
    if chunk.rehearsal:
        return
    others = select(Run.id).where(
        Run.action == "import",
        Run.module == chunk.module.key,
        Run.state.in_(ACTIVE - {"paused", "holding", "scheduled"}),
        Run.id != chunk.run_id,
    )
    for run_id in sorted([chunk.run_id, *db.session.scalars(others)]):
        lock = (
            func.pg_advisory_xact_lock_shared
            if run_id == chunk.run_id
            else func.pg_advisory_xact_lock
        )
        db.session.execute(select(lock(LOCK_BASE + run_id)))
