"""Retention: what the clock removes for good once its time is over.

Everything goes in pieces, each in a transaction of its own with its line in the audit log, so that
nothing waits for it and a clock that dies half-way has done half.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sqlalchemy import delete, exists, func, select, text, update

from massadmin.auth import audit
from massadmin.extensions import db
from massadmin.records.deletion import purge_some
from massadmin.records.modules import MODULES
from massadmin.runs.models import Run, RunResult
from massadmin.runs.results import KEY, of_records
from massadmin.runs.states import ENDED

log = logging.getLogger(__name__)

RECORDS_AT_ONCE = 5_000
RESULTS_AT_ONCE = 20_000

audit.name_events(
    {
        "records.purged": "Removed deleted records for good",
        "results.dropped": "Dropped the details of an old bulk action",
    }
)


def purge_expired(days: int) -> int:
    """Remove records deleted more than `days` days ago, and what results tell of their values.

    That each was touched, by which run and with which outcome, stays known. Commits.

    Returns:
        How many records were removed.
    """
    total = 0
    for module in MODULES.values():
        while purged := purge_some(module, days, RECORDS_AT_ONCE):
            ids = list(purged)
            runs = select(Run.id).where(Run.module == module.key)
            db.session.execute(
                update(RunResult)
                .where(
                    KEY.in_(of_records(ids, RunResult.run_id.in_(runs))),
                    RunResult.before.is_not(None) | RunResult.after.is_not(None),
                )
                .values(before=None, after=None)
                .execution_options(synchronize_session=False)
            )
            _forget_merged(purged)
            audit.record(
                "records.purged",
                user=None,
                subject=module.key,
                details={"records": len(ids), "deleted_more_than_days_ago": days},
            )
            db.session.commit()
            log.info("module=%s purged=%s", module.key, len(ids))
            total += len(ids)
    db.session.commit()
    return total


def _forget_merged(purged: Mapping[int, int | None]) -> None:
    """A record that was merged into another left there, in words, what the other did not take."""
    merged = [(run_id, record_id) for record_id, run_id in purged.items() if run_id is not None]
    # The sides of the pairs are looked up in the key, whatever the statistics say.
    db.session.execute(
        text(
            """
            UPDATE run_results AS r SET after = r.after - 'not_taken_over'
            FROM unnest(CAST(:runs AS bigint[]), CAST(:items AS bigint[])) AS gone (run, item)
            WHERE r.run_id = gone.run AND r.item = gone.item
              AND r.item = ANY(:items) AND r.run_id = ANY(:runs) AND r.after ? 'not_taken_over'
            """
        ),
        {"runs": [run for run, _ in merged], "items": [item for _, item in merged]},
    )


def drop_old_results(days: int) -> int:
    """Drop the per-record results of runs that ended more than `days` days ago. Commits.

    The run itself and its tallies stay; what it did can no longer be undone.

    Returns:
        How many results were dropped.
    """
    total = 0
    old = select(Run.id).where(
        Run.state.in_(ENDED),
        Run.finished_at < func.now() - func.make_interval(0, 0, 0, days),
        exists().where(RunResult.run_id == Run.id),
    )
    for run_id in list(db.session.scalars(old.order_by(Run.id))):
        dropped = _drop_results(run_id)
        audit.record(
            "results.dropped", user=None, subject=f"run:{run_id}", details={"results": dropped}
        )
        db.session.commit()
        log.info("run=%s dropped_results=%s", run_id, dropped)
        total += dropped
    return total


def _drop_results(run_id: int) -> int:
    """Drop them piece by piece; the last, smaller piece is left to the caller to commit."""
    total = 0
    while True:
        # By their place in the order, not by naming each: those would be compared with all of them
        # while the statistics have not heard of the run.
        of_run = select(RunResult.item).where(RunResult.run_id == run_id)
        some = of_run.order_by(RunResult.item).limit(RESULTS_AT_ONCE).subquery()
        last = select(func.max(some.c.item)).scalar_subquery()
        gone = delete(RunResult).where(RunResult.run_id == run_id, RunResult.item <= last)
        count = len(
            list(
                db.session.scalars(
                    gone.returning(RunResult.item).execution_options(synchronize_session=False)
                )
            )
        )
        total += count
        if count < RESULTS_AT_ONCE:
            return total
        db.session.commit()
