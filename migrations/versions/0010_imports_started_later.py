"""Large imports are started by the clock: what it has to do for a file is told by its errand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.drop_index("ix_import_files_unread", "import_files")
    for column in (
        sa.Column("errand", sa.String),
        sa.Column("choices", postgresql.JSONB, server_default="{}", nullable=False),
    ):
        op.add_column("import_files", column)
    op.execute(
        "UPDATE import_files SET errand = 'read', choices = coalesce(unread, '{}') "
        "WHERE unread IS NOT NULL OR problem IS NOT NULL"
    )
    op.drop_column("import_files", "unread")
    op.alter_column("import_files", "share_read", new_column_name="share_done")
    op.create_index(
        "ix_import_files_errand",
        "import_files",
        ["id"],
        postgresql_where=sa.text("errand IS NOT NULL AND problem IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_import_files_errand", "import_files")
    op.alter_column("import_files", "share_done", new_column_name="share_read")
    op.add_column("import_files", sa.Column("unread", postgresql.JSONB))
    op.execute("UPDATE import_files SET unread = choices WHERE errand = 'read' AND problem IS NULL")
    op.execute(
        "UPDATE import_files SET problem = NULL, share_read = 0, tries = 0 WHERE errand = 'start'"
    )
    for name in ("choices", "errand"):
        op.drop_column("import_files", name)
    op.create_index(
        "ix_import_files_unread",
        "import_files",
        ["id"],
        postgresql_where=sa.text("unread IS NOT NULL"),
    )
