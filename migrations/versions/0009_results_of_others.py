"""Results are indexed by their record only where it is not the one that stood in the chunk."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_run_results_other_record ON run_results (record_id) "
        "WHERE record_id <> item"
    )
    op.execute("DROP INDEX ix_run_results_record_id")


def downgrade() -> None:
    op.execute("CREATE INDEX ix_run_results_record_id ON run_results (record_id)")
    op.execute("DROP INDEX ix_run_results_other_record")
