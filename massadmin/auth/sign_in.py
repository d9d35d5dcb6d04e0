"""Checking a password, no faster for an attacker than the throttle allows.

An attempt is counted before its password is looked at, under a lock on the account, so that many
attempts at once cannot slip past the limit together. Success forgets the account's failures.

Guesses from elsewhere close an account to strangers only: from an address from which its owner has
signed in of late, only the guesses made there count.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, func, insert, select

from massadmin.auth import audit, passwords
from massadmin.auth.models import AuditEntry, SignInAttempt, User
from massadmin.extensions import db

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 5
PER_ADDRESS = 20
OF_LATE = timedelta(days=30)
_KEPT = timedelta(days=1)


class Throttled(Exception):
    """Too many failures for this account or from this address; `seconds` until the next try."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts; try again in {seconds} s")
        self.seconds = seconds


def check(email: str, password: str, *, address: str = "") -> User | None:
    """The active user whose password this is, or None; commits. The same work is done either way.

    Raises:
        Throttled: nothing was checked.
    """
    email = email.strip().casefold().replace("\x00", "")[:254]
    _count_attempt(email, address)
    user: User | None = db.session.scalar(select(User).where(func.lower(User.email) == email))
    db.session.commit()  # the hash below takes its time; hold no transaction meanwhile
    right = passwords.verify(password, user.password_hash if user else None)
    if user is None or not right or not user.active:
        audit.record("sign_in_failed", user=None, who=email, subject=email, address=address)
        db.session.commit()
        return None
    if passwords.needs_rehash(user.password_hash):
        user.password_hash = passwords.hashed(password)
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.email == email))
    db.session.commit()
    return user


def _count_attempt(email: str, address: str) -> None:
    for lock in sorted({_lock("account", email), _lock("address", address)}):
        db.session.execute(select(func.pg_advisory_xact_lock(lock)))
    here = SignInAttempt.address == address
    guesses = SignInAttempt.email == email
    wait = max(
        _wait(guesses & here if _at_home(email, address) else guesses, PER_ACCOUNT),
        _wait(here, PER_ADDRESS) if address else 0,
    )
    if wait:
        # Not counted: somebody who keeps trying must not lock the account for ever.
        if not _refused_of_late(email, address):
            audit.record("sign_in_throttled", user=None, who=email, subject=email, address=address)
        db.session.commit()
        raise Throttled(wait)
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.at < func.now() - _KEPT))
    db.session.execute(insert(SignInAttempt).values(email=email, address=address))
    db.session.commit()


def _wait(whose: ColumnElement[bool], allowed: int) -> int:
    """Whole seconds until fewer than `allowed` attempts lie within the window; 0 is now."""
    clear_at = (
        select(SignInAttempt.at + WINDOW)
        .where(whose, SignInAttempt.at > func.now() - WINDOW)
        .order_by(SignInAttempt.at.desc())
        .offset(allowed - 1)
        .limit(1)
        .scalar_subquery()
    )
    seconds = db.session.scalar(select(func.ceil(func.extract("epoch", clear_at - func.now()))))
    return max(1, int(seconds)) if seconds is not None else 0


def _at_home(email: str, address: str) -> bool:
    """Whether the owner of the account has signed in from this address of late."""
    if not address:
        return False
    signed_in = exists().where(
        AuditEntry.subject == email,
        AuditEntry.event == "sign_in",
        AuditEntry.address == address,
        AuditEntry.at > func.now() - OF_LATE,
    )
    return bool(db.session.scalar(select(signed_in)))


def _refused_of_late(email: str, address: str) -> bool:
    """Whether the audit log tells already that this account or address is throttled. Once is
    enough: being refused costs nothing, and what is written there stays."""
    told = exists().where(
        AuditEntry.event == "sign_in_throttled",
        AuditEntry.at > func.now() - WINDOW,
        (AuditEntry.subject == email) | (AuditEntry.address == address),
    )
    return bool(db.session.scalar(select(told)))


def _lock(kind: str, value: str) -> int:
    digest = hashlib.sha256(f"sign-in:{kind}:{value}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
