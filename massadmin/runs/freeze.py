"""Freezing: one INSERT … SELECT turns an audience into chunks; it is never evaluated again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, cast, func, insert, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from massadmin.extensions import db
from massadmin.runs.audience import Audience
from massadmin.runs.models import RunChunk

# A run of any size is cut into at least about this many chunks, so that progress is seen to move.
STEPS = 20
SMALLEST_CHUNK = 100


def chunk_size(total: int, largest: int) -> int:
    """Records per chunk for `total` records: about `STEPS` chunks, within bounds."""
    return max(min(SMALLEST_CHUNK, largest), min(largest, -(-total // STEPS)))


def freeze(run_id: int, audience: Audience, size: int) -> int:
    """Write the run's chunks of at most `size` ids each; how many ids they hold.

    One statement, so one snapshot: nobody can slip in or out between two chunks.
    """
    ids = audience.ids.subquery()
    (item,) = ids.c
    numbered = select(
        item.label("item"),
        ((func.row_number().over(order_by=item) - 1) // size).label("seq"),
    ).subquery()
    frozen = select(
        literal(run_id, BigInteger),
        cast(numbered.c.seq, Integer),
        func.array_agg(aggregate_order_by(numbered.c.item, numbered.c.item)),
        func.count(),
    ).group_by(numbered.c.seq)
    written = (
        insert(RunChunk)
        .from_select(["run_id", "seq", "record_ids", "size"], frozen)
        .returning(RunChunk.size)
        .cte("written")
    )
    total = db.session.scalar(select(func.coalesce(func.sum(written.c.size), 0)))
    return int(total or 0)
