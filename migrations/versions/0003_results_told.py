"""An index of the results that have something to tell, so that 14 failures among a million
successes are found without reading the million."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_run_results_told ON run_results (run_id, outcome, item) "
        "WHERE outcome <> 'succeeded' OR reason IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX ix_run_results_told")
