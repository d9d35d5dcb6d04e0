"""Why a chunk is tried again stands beside it, for the page of its run to tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("run_chunks", sa.Column("error", sa.String))


def downgrade() -> None:
    op.drop_column("run_chunks", "error")
