"""Imported files: what was uploaded, its rows as text, and how columns were mapped before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.extensions import Base
from massadmin.tabular import Dialect

Errand = Literal["read", "start"]


class ImportFile(Base):
    """One staged file. `mapping` has one item per column: the key of a field, or None.

    `run_id` is the run that imported it; a file is imported once. `outcome` is what became of its
    rows, counted once that run had ended. `upload` names the uploaded file in the files folder
    while it may still have to be read anew, with another dialect.

    `errand` is what the clock has to do for the file, with these `choices`: those of a dialect to
    read it, a policy to start importing it. It was tried so many `tries`, and `share_done` percent
    are done so far; or it could not be done, and `problem` is why. `dialect_json` is empty until
    the file was read for the first time.
    """

    __tablename__ = "import_files"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    module: Mapped[str] = mapped_column(String)
    filename: Mapped[str] = mapped_column(String)
    size: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(Integer)
    dialect_json: Mapped[dict[str, Any]] = mapped_column("dialect", JSONB)
    mapping: Mapped[list[str | None]] = mapped_column(JSONB)
    policy: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    run_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("runs.id", ondelete="SET NULL")
    )
    outcome: Mapped[dict[str, int] | None] = mapped_column(JSONB)
    upload: Mapped[str | None] = mapped_column(String)
    errand: Mapped[Errand | None] = mapped_column(String)
    choices: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    share_done: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    problem: Mapped[str | None] = mapped_column(String)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("ix_import_files_user_id", "user_id", "id"),
        Index("ix_import_files_run_id", "run_id"),
        Index(
            "ix_import_files_errand",
            "id",
            postgresql_where=text("errand IS NOT NULL AND problem IS NULL"),
        ),
    )

    @property
    def was_read(self) -> bool:
        """Whether there are rows, and columns to map: of the last time that it could be read."""
        return bool(self.dialect_json)

    @property
    def under_way(self) -> Errand | None:
        """What the clock has still to do for the file."""
        return self.errand if self.problem is None else None

    @property
    def dialect(self) -> Dialect:
        """How the file is read."""
        return Dialect.from_json(self.dialect_json)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header, with "Column 3" where there is none."""
        return self.dialect.columns


# The files for which the clock has something to do.
UNDER_WAY = ImportFile.errand.is_not(None) & ImportFile.problem.is_(None)


class ImportRow(Base):
    """One staged row. `line` is where it begins in the file; `problem` says why it is unusable.

    There is no foreign key: checking it for every one of ten million rows would take longer than
    writing them. Whoever deletes a file deletes its rows.
    """

    __tablename__ = "import_rows"

    file_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cells: Mapped[list[str]] = mapped_column(ARRAY(String))
    problem: Mapped[str | None] = mapped_column(String)


class ImportDuplicate(Base):
    """A row whose match value stood in an earlier row already. Decided once, before the run."""

    __tablename__ = "import_duplicates"

    file_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    first_line: Mapped[int] = mapped_column(Integer)


class ImportMapping(Base):
    """How somebody mapped a file with this header the last time."""

    __tablename__ = "import_mappings"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    module: Mapped[str] = mapped_column(String, primary_key=True)
    headers_hash: Mapped[str] = mapped_column(String, primary_key=True)
    mapping: Mapped[list[str | None]] = mapped_column(JSONB)
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
