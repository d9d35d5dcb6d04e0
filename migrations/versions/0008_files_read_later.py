"""Large files are read by the clock: how each is to be read, how far that is, and what hindered it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for column in (
        sa.Column("unread", postgresql.JSONB),
        sa.Column("share_read", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("tries", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("problem", sa.String),
    ):
        op.add_column("import_files", column)
    op.create_index(
        "ix_import_files_unread",
        "import_files",
        ["id"],
        postgresql_where=sa.text("unread IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM import_files WHERE dialect = '{}'")
    op.drop_index("ix_import_files_unread", "import_files")
    for name in ("problem", "tries", "share_read", "unread"):
        op.drop_column("import_files", name)
