"""The words that contacts are found by come from a trigger, and only when a column that they are
taken from changes. PostgreSQL looks at a generated column anew for every row of every update, even
of those that it has nothing to do with, and that took longer than the update itself."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

COLUMNS = ("first_name", "last_name", "email", "phone", "company_name", "city")


def words(prefix: str = "") -> str:
    """Punctuation inside addresses and numbers becomes a space, so that every run of letters or
    digits is a word that a prefix can find: "acme" finds jane@acme.com."""
    joined = " || ' ' || ".join(f"coalesce({prefix}{column}, '')" for column in COLUMNS)
    return f"to_tsvector('simple'::regconfig, translate({joined}, '@.+_-/', '      '))"


def columns(prefix: str = "") -> str:
    return ", ".join(f"{prefix}{column}" for column in COLUMNS)


def upgrade() -> None:
    # The words that are there stay; no row is written.
    op.execute("ALTER TABLE contacts ALTER COLUMN search DROP EXPRESSION")
    op.execute(
        f"""
        CREATE FUNCTION contacts_search() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            new.search := {words("new.")};
            RETURN new;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER contacts_search_of_new BEFORE INSERT ON contacts
            FOR EACH ROW EXECUTE FUNCTION contacts_search()
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER contacts_search_of_changed BEFORE UPDATE OF {columns()} ON contacts
            FOR EACH ROW WHEN (({columns("old.")}) IS DISTINCT FROM ({columns("new.")}))
            EXECUTE FUNCTION contacts_search()
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION contacts_search CASCADE")
    op.execute("ALTER TABLE contacts DROP COLUMN search")
    op.execute(
        f"ALTER TABLE contacts ADD COLUMN search TSVECTOR GENERATED ALWAYS AS ({words()}) STORED NOT NULL"
    )
    op.execute("CREATE INDEX ix_contacts_search ON contacts USING gin (search)")
