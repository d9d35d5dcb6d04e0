"""Passwords: what is accepted, and argon2id hashes of them."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS = 10
MAX_CHARS = 1_000  # so that nobody makes the server hash megabytes
_MIN_DISTINCT = 5
_GUESSED_FIRST = frozenset(
    [
        "1234567890",
        "12345678910",
        "0123456789",
        "password12",
        "password123",
        "password1234",
        "passw0rd123",
        "qwertyuiop",
        "qwerty12345",
        "administrator",
        "admin12345",
        "changeme123",
        "welcome123",
        "iloveyou123",
        "letmein1234",
        "1q2w3e4r5t",
        "massadmin1",
        "massadmin123",
    ]
)

_hasher = PasswordHasher()  # RFC 9106's low-memory profile: 64 MiB, three passes
# Many who sign in at once must not take that much memory each.
_at_once = threading.BoundedSemaphore(2)


def reasons_against(password: str, *, email: str = "", name: str = "") -> list[str]:
    """Why `password` is refused, as sentences; empty when it is good."""
    plain = _normal(password).casefold()
    reasons = []
    if len(plain) < MIN_CHARS:
        reasons.append(f"Use at least {MIN_CHARS} characters; this has {len(plain)}.")
    elif len(plain) > MAX_CHARS:
        reasons.append(f"Use at most {MAX_CHARS} characters.")
    elif plain in _GUESSED_FIRST:
        reasons.append("This is among the first passwords anybody would try.")
    elif len(set(plain)) < _MIN_DISTINCT:
        reasons.append(f"Use at least {_MIN_DISTINCT} different characters.")
    for own in {email.partition("@")[0].casefold(), *name.casefold().split()}:
        if len(own) >= 4 and own in plain and len(plain) - len(own) < MIN_CHARS - 2:
            reasons.append("Do not build it on your own name or e-mail address.")
            break
    return reasons


def hashed(password: str) -> str:
    """The argon2id hash to store. Takes some 50 ms and 64 MiB on purpose."""
    with _at_once:
        return _hasher.hash(_normal(password))


def verify(password: str, password_hash: str | None) -> bool:
    """Whether `password` belongs to `password_hash`.

    None stands for "no such account" and costs as much time as a real one.
    """
    if len(password) > MAX_CHARS:
        password = ""
    try:
        with _at_once:
            # Making the first decoy takes as much memory again.
            known = _decoy() if password_hash is None else password_hash
            _hasher.verify(known, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than those of today."""
    return _hasher.check_needs_rehash(password_hash)


def generate() -> str:
    """A password for a new account: four groups of five, easy to read over the phone."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def _normal(password: str) -> str:
    """The same characters however a keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


@cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_hex())
