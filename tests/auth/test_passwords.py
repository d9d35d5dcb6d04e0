"""Which passwords are taken, and how they are kept."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from massadmin.auth import passwords


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "ten-chars!", "пароль из слов", "b" + "abcdefghi" * 100],
)
def test_long_enough_and_not_guessable_is_good(password: str) -> None:
    assert passwords.reasons_against(password, email="ada@example.com", name="Ada Lovelace") == []


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "this has 0"),
        ("nine-char", "at least 10 characters; this has 9"),
        ("Password123", "first passwords"),
        ("aaaaaaaaaaaa", "different characters"),
        ("lovelace12345", "own name"),
        ("ada.byron1815", "own name"),
        ("x" * 1_001, "at most 1000"),
    ],
)
def test_a_refusal_says_why(password: str, reason: str) -> None:
    reasons = passwords.reasons_against(
        password, email="ada.byron@example.com", name="Ada Lovelace"
    )
    assert len(reasons) == 1
    assert reason in reasons[0].replace(",", "")


def test_a_hash_belongs_to_one_password_only() -> None:
    stored = passwords.hashed("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert stored != passwords.hashed("correct horse battery")
    assert passwords.verify("correct horse battery", stored)
    assert not passwords.verify("correct horse batterY", stored)


def test_composed_and_decomposed_letters_are_the_same_password() -> None:
    assert passwords.verify("caf\u00e9 au lait, svp", passwords.hashed("cafe\u0301 au lait, svp"))


def test_no_account_is_never_right_but_is_hashed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashes = []
    real = passwords._hasher

    class Counting:
        hash = staticmethod(real.hash)

        def verify(self, stored: str, password: str) -> bool:
            hashes.append(stored)
            return real.verify(stored, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    assert not passwords.verify("whatever it is", None)
    assert not passwords.verify("whatever it is", "not a hash")
    assert len(hashes) == 2


def test_guessing_costs_as_much_as_is_recommended(hasher_of_the_product: PasswordHasher) -> None:
    """The second choice of RFC 9106: three passes over 64 MiB, four lanes."""
    own = hasher_of_the_product
    assert (own.time_cost, own.memory_cost, own.parallelism) == (3, 64 * 1024, 4)


def test_weaker_hashes_of_former_days_are_noticed(
    hasher_of_the_product: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = passwords.hashed("correct horse battery")
    monkeypatch.setattr(passwords, "_hasher", hasher_of_the_product)
    assert passwords.needs_rehash(weak)
    assert not passwords.needs_rehash(passwords.hashed("correct horse battery"))


def test_generated_passwords_are_good_and_differ() -> None:
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    assert all(passwords.reasons_against(each) == [] for each in made)
