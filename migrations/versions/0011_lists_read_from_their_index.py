"""Which contacts are live, and whose, is told by the index that keeps lists in order."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_contacts_newest ON contacts (created_at, id) INCLUDE (deleted_at, owner_id)"
    )
    op.execute("DROP INDEX ix_contacts_created_at")
    op.execute("ALTER INDEX ix_contacts_newest RENAME TO ix_contacts_created_at")


def downgrade() -> None:
    op.execute("DROP INDEX ix_contacts_created_at")
    op.execute("CREATE INDEX ix_contacts_created_at ON contacts (created_at, id)")
