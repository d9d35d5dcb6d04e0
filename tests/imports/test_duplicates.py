"""Duplicates inside a file."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from massadmin.extensions import db
from massadmin.imports import Policy, duplicates
from massadmin.imports.duplicates import find_duplicates
from massadmin.imports.models import ImportDuplicate, ImportFile
from massadmin.imports.reading import Reader
from tests.factories import a_user, contacts
from tests.imports.files import staged

pytestmark = pytest.mark.usefixtures("db_session")


def found(file: ImportFile, last_line: int | None = None, **policy: str | None) -> dict[int, int]:
    """First line by duplicate line."""
    reader = Reader(contacts(), file.columns, file.mapping, Policy(**policy))  # type: ignore[arg-type]
    count = find_duplicates(file.id, reader, last_line)
    rows = db.session.scalars(select(ImportDuplicate).where(ImportDuplicate.file_id == file.id))
    pairs = {row.line: row.first_line for row in rows}
    assert len(pairs) == count
    return pairs


LINES = (
    "Email,Phone,Country,City",
    "a@x.com,020 7946 0018,GB,1",
    "b@x.com,+442079460018,,2",
    "A@X.COM,,,3",
    "nobody,,,4",
    "nobody,,,5",
    ",,,6",
    ",,,7",
    "a@x.com ::: c@x.com,,,8",
    "a@x.com,ragged",
)


def test_the_first_row_counts_by_the_value_as_it_is_stored() -> None:
    assert found(staged(a_user(), *LINES)) == {4: 2, 9: 2}


def test_by_phone_numbers_are_compared_not_spellings() -> None:
    assert found(staged(a_user(), *LINES), match="phone") == {3: 2}


def test_up_to_a_line() -> None:
    file = staged(a_user(), *LINES)
    assert found(file, last_line=4) == {4: 2}
    assert found(file, last_line=3) == {}


def test_without_a_match_there_are_none() -> None:
    file = staged(a_user(), *LINES)
    assert found(file) != {}
    assert found(file, match=None) == {}


def test_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK_ROWS", 7)
    lines = ["Email", *(f"p{number % 20}@x.com" for number in range(50))]
    pairs = found(staged(a_user(), *lines))
    assert pairs == {line: 2 + (line - 2) % 20 for line in range(22, 52)}
