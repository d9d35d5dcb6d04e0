"""The ids of a chunk are stored as they are: squeezing them takes longer than choosing them."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE run_chunks ALTER COLUMN record_ids SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE run_chunks ALTER COLUMN record_ids SET STORAGE EXTENDED")
