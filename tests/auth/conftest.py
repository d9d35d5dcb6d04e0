"""Cheap password hashes: these tests make many, and their strength is tested by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from massadmin.auth import passwords


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    passwords._decoy.cache_clear()
    yield
    passwords._decoy.cache_clear()
