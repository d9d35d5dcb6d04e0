"""Freezing: one INSERT … SELECT turns an audience into chunks; it is never evaluated again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from massadmin.extensions import db
from massadmin.runs.audience import Audience
from massadmin.runs.models import RunChunk

# A run is cut into at least about this many chunks, so that progress is seen to move; but not into
# smaller ones than these, which are done in a blink and mostly pay for their beginning and end.
STEPS = 20
SMALLEST_CHUNK = 5_000


def chunk_size(total: int, largest: int) -> int:
    """Records per chunk for `total` records: about `STEPS` chunks, within bounds."""
    return max(min(SMALLEST_CHUNK, largest), min(largest, -(-total // STEPS)))


def freeze(run_id: int, audience: Audience, size: int) -> int:
    """Write the run's chunks of at most `size` ids each; how many ids they hold.

    One statement, so one snapshot: nobody can slip in or out between two chunks. The ids are put
    in order and gathered once, and then cut.
    """
    (item,) = audience.ids.subquery().c
    ordered = func.array_agg(aggregate_order_by(item, item), type_=ARRAY(BigInteger))
    every = select(ordered.label("ids")).subquery()
    last = (func.cardinality(every.c.ids, type_=Integer) - 1) // size
    numbered = select(every.c.ids, func.generate_series(0, last).label("seq")).subquery()
    seq = numbered.c.seq
    piece = numbered.c.ids[seq * size + 1 : (seq + 1) * size]
    frozen = select(literal(run_id, BigInteger), seq, piece, func.cardinality(piece))
    written = (
        insert(RunChunk)
        .from_select(["run_id", "seq", "record_ids", "size"], frozen)
        .returning(RunChunk.size)
        .cte("written")
    )
    total = db.session.scalar(select(func.coalesce(func.sum(written.c.size), 0)))
    return int(total or 0)
