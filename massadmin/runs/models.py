"""Runs, their chunks and their results: the three tables the engine lives in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.extensions import Base

Outcome = Literal["succeeded", "skipped", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("succeeded", "skipped", "failed")


class Run(Base):
    """One use of an action on a frozen set of records.

    `params` are the action's settings as they were, `query` what was selected
    (`{"words": …, "filter": …}`). The three tallies are written when the run ends; until then
    they are summed from its chunks.
    """

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    action: Mapped[str] = mapped_column(String)
    module: Mapped[str] = mapped_column(String)
    name: Mapped[str] = mapped_column(String)
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    query: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String)
    total: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    idempotency_key: Mapped[str] = mapped_column(String)
    body_hash: Mapped[str] = mapped_column(String)
    undo_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("runs.id"))
    retry_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("runs.id"))
    priority: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    last_served_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    error: Mapped[str | None] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    succeeded: Mapped[int | None] = mapped_column(Integer)
    skipped: Mapped[int | None] = mapped_column(Integer)
    failed: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        Index("uq_runs_idempotency_key", "user_id", "idempotency_key", unique=True),
        Index(
            "ix_runs_active",
            "state",
            postgresql_where=text("state NOT IN ('completed', 'cancelled', 'failed')"),
        ),
        Index("ix_runs_user_id", "user_id", "id"),
        Index("ix_runs_undo_of", "undo_of", postgresql_where=text("undo_of IS NOT NULL")),
        Index("ix_runs_retry_of", "retry_of", postgresql_where=text("retry_of IS NOT NULL")),
        # Every chunk stamps the run it serves.
        {"postgresql_with": {"fillfactor": 70}},
    )


class RunChunk(Base):
    """The unit of work and of commit: ids of one batch, `pending` until they are `done`.

    `attempts` counts how often it could not be done, `error` says why the last time.
    """

    __tablename__ = "run_chunks"

    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    batch: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    record_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    size: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String, server_default=text("'pending'"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    error: Mapped[str | None] = mapped_column(String)
    succeeded: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    skipped: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    failed: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_run_chunks_pending", "run_id", "seq", postgresql_where=text("state = 'pending'")),
    )


class RunResult(Base):
    """What happened to one item of one run; written once, never changed.

    `item` is the id that stood in the chunk (a record, or a line of an imported file),
    `record_id` the record it touched. `before` and `after` hold the changed fields only.
    """

    __tablename__ = "run_results"

    # No foreign key: results are only ever written beside the locked row of their own run, and
    # checking the key row by row takes as long as writing them.
    run_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    item: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    record_id: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str] = mapped_column(Enum(*OUTCOMES, name="outcome"))
    reason: Mapped[str | None] = mapped_column(String)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        # Most results are of the record that stood in the chunk, and the key finds those, run by
        # run (`results.of_records`). To index each a second time is a fifth of what a result costs.
        Index(
            "ix_run_results_other_record",
            "record_id",
            postgresql_where=text("record_id <> item"),
        ),
        # What people look for: the few that failed, were skipped, or have something to tell.
        Index(
            "ix_run_results_told",
            "run_id",
            "outcome",
            "item",
            postgresql_where=text("outcome <> 'succeeded' OR reason IS NOT NULL"),
        ),
    )


class Heartbeat(Base):
    """The last sign of life of a worker or a clock."""

    __tablename__ = "heartbeats"

    kind: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str] = mapped_column(String, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
