"""Full names, split."""

from __future__ import annotations

import pytest

from massadmin.imports.full_names import split


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Maria de la Cruz", "Maria", "de la Cruz"),
        ("Mary Ann Evans", "Mary Ann", "Evans"),
        ("Van Morrison", "Van", "Morrison"),
        ("Lovelace, Ada", "Ada", "Lovelace"),
        ("Martin Luther King Jr.", "Martin Luther", "King Jr."),
        ("Madonna", "Madonna", None),
        ("山田太郎", "山田太郎", None),
        ("  Ada   Lovelace ", "Ada", "Lovelace"),
        ("", None, None),
        ("  ", None, None),
    ],
)
def test_split(name: str, first: str | None, last: str | None) -> None:
    assert split(name) == (first, last)
