"""Checking passwords, under a throttle that counts in the database."""

from __future__ import annotations

import contextvars
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text

from massadmin.auth import audit, passwords, people, sign_in
from massadmin.auth.models import AuditEntry, SignInAttempt, User
from massadmin.extensions import db

PASSWORD = "correct horse battery"


@pytest.fixture
def ada(db_session: Any) -> User:
    user = people.create_user("ada@example.com", PASSWORD, role="member", name="Ada Lovelace")
    db_session.commit()
    return user


def fail(times: int, email: str = "ada@example.com", address: str = "192.0.2.7") -> None:
    for _ in range(times):
        assert sign_in.check(email, "wrong password", address=address) is None


def later(minutes: float) -> None:
    db.session.execute(
        text("UPDATE sign_in_attempts SET at = at - :by"), {"by": timedelta(minutes=minutes)}
    )
    db.session.commit()


def test_the_right_password_opens_however_the_address_is_written(ada: User) -> None:
    assert sign_in.check(" ADA@Example.com ", PASSWORD) is ada
    assert sign_in.check("ada@example.com", "wrong password") is None


def test_unknown_and_deactivated_are_the_same_as_wrong(ada: User, db_session: Any) -> None:
    assert sign_in.check("nobody@example.com", PASSWORD) is None
    ada.active = False
    db_session.commit()
    assert sign_in.check("ada@example.com", PASSWORD) is None


def test_every_attempt_costs_one_hash(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def verify(_password: str, stored: str | None) -> bool:
        seen.append(stored)
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    for email in ("ada@example.com", "nobody@example.com"):
        sign_in.check(email, "wrong password")
    assert seen == [ada.password_hash, None]


def test_an_account_closes_after_five_failures_and_opens_again(ada: User) -> None:
    fail(sign_in.PER_ACCOUNT)
    with pytest.raises(sign_in.Throttled) as refused:
        sign_in.check("ada@example.com", PASSWORD, address="198.51.100.1")
    assert 0 < refused.value.seconds <= sign_in.WINDOW.total_seconds()
    assert sign_in.check("nobody@example.com", PASSWORD, address="198.51.100.1") is None
    later(sign_in.WINDOW.total_seconds() / 60)
    assert sign_in.check("ada@example.com", PASSWORD) is ada


def test_unknown_accounts_are_throttled_no_less(ada: User) -> None:
    fail(sign_in.PER_ACCOUNT, email="nobody@example.com")
    with pytest.raises(sign_in.Throttled):
        sign_in.check("nobody@example.com", PASSWORD)


def test_an_address_closes_after_twenty_failures_over_many_accounts(ada: User) -> None:
    for number in range(sign_in.PER_ADDRESS):
        fail(1, email=f"guess{number}@example.com")
    with pytest.raises(sign_in.Throttled):
        sign_in.check("ada@example.com", PASSWORD, address="192.0.2.7")
    assert sign_in.check("ada@example.com", PASSWORD, address="198.51.100.1") is ada


def test_being_refused_does_not_prolong_the_wait(ada: User) -> None:
    fail(sign_in.PER_ACCOUNT)
    for _ in range(10):
        with pytest.raises(sign_in.Throttled):
            sign_in.check("ada@example.com", "wrong password")
    assert db.session.scalar(select(func.count(SignInAttempt.id))) == sign_in.PER_ACCOUNT


def test_success_forgets_the_failures(ada: User) -> None:
    fail(sign_in.PER_ACCOUNT - 1)
    assert sign_in.check("ada@example.com", PASSWORD) is ada
    fail(sign_in.PER_ACCOUNT - 1)
    assert sign_in.check("ada@example.com", PASSWORD) is ada


def test_many_attempts_at_once_do_not_slip_past_together(ada: User, app: Flask) -> None:
    outcomes: list[str] = []
    ready = threading.Barrier(12)

    def attempt() -> None:
        with app.app_context():
            ready.wait(timeout=10)
            try:
                sign_in.check("ada@example.com", "wrong password")
                outcomes.append("checked")
            except sign_in.Throttled:
                outcomes.append("throttled")

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(attempt,)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert outcomes.count("checked") == sign_in.PER_ACCOUNT
    assert outcomes.count("throttled") == 12 - sign_in.PER_ACCOUNT


def test_old_attempts_are_cleared_away(ada: User) -> None:
    fail(2, email="old@example.com")
    later(2 * 24 * 60)
    fail(1)
    assert db.session.scalars(select(SignInAttempt.email)).all() == ["ada@example.com"]


def test_failures_and_refusals_are_in_the_audit_log(ada: User) -> None:
    fail(sign_in.PER_ACCOUNT)
    with pytest.raises(sign_in.Throttled):
        sign_in.check("ada@example.com", PASSWORD)
    found = db.session.scalars(select(AuditEntry.event).order_by(AuditEntry.id)).all()
    assert found == ["user_added", *["sign_in_failed"] * sign_in.PER_ACCOUNT, "sign_in_throttled"]
    last = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None
    assert (last.user_id, last.who) == (None, "ada@example.com")


def test_a_hash_of_former_days_is_renewed_by_signing_in(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ada.password_hash
    monkeypatch.setattr(passwords, "needs_rehash", lambda _hash: True)
    sign_in.check("ada@example.com", PASSWORD)
    assert ada.password_hash != before
    assert passwords.verify(PASSWORD, ada.password_hash)


def test_guesses_from_elsewhere_do_not_shut_out_the_owner(ada: User) -> None:
    """Nobody can lock somebody else's account by mistyping their password again and again."""
    home, elsewhere = "203.0.113.9", "198.51.100.1"
    audit.record("sign_in", user=ada, subject=ada.email, address=home)
    for _ in range(sign_in.PER_ACCOUNT):
        assert sign_in.check("ada@example.com", "wrong password", address=elsewhere) is None
    for address in (elsewhere, "198.51.100.2", ""):
        with pytest.raises(sign_in.Throttled):
            sign_in.check("ada@example.com", PASSWORD, address=address)
    assert sign_in.check("ada@example.com", PASSWORD, address=home) is ada


def test_guesses_from_the_owners_address_are_throttled_too(ada: User) -> None:
    audit.record("sign_in", user=ada, subject=ada.email, address="192.0.2.7")
    fail(sign_in.PER_ACCOUNT)
    with pytest.raises(sign_in.Throttled):
        sign_in.check("ada@example.com", PASSWORD, address="192.0.2.7")


def test_an_address_of_long_ago_is_as_any_other(ada: User) -> None:
    db.session.execute(
        insert(AuditEntry).values(
            event="sign_in",
            user_id=ada.id,
            who="Ada",
            subject=ada.email,
            address="203.0.113.9",
            at=func.now() - sign_in.OF_LATE,
        )
    )
    db.session.commit()
    for number in range(sign_in.PER_ACCOUNT):
        sign_in.check("ada@example.com", "wrong password", address=f"198.51.100.{number}")
    with pytest.raises(sign_in.Throttled):
        sign_in.check("ada@example.com", PASSWORD, address="203.0.113.9")


def test_a_thousand_attempts_are_refused_and_leave_little_behind(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def refuse(password: str, _hash: str | None) -> bool:
        hashed.append(password)
        return False

    monkeypatch.setattr(passwords, "verify", refuse)
    refused = 0
    for number in range(1_000):
        email = "ada@example.com" if number % 2 else f"guess{number}@example.com"
        try:
            assert sign_in.check(email, f"guess {number}", address="192.0.2.7") is None
        except sign_in.Throttled:
            refused += 1
    assert 1_000 - refused == len(hashed) <= sign_in.PER_ADDRESS
    counted = db.session.scalar(select(func.count(SignInAttempt.id)))
    assert counted == len(hashed)
    # What is written to the audit log stays for ever, so strangers must not be able to fill it.
    told = db.session.scalar(select(func.count(AuditEntry.id)))
    assert told is not None
    assert told <= len(hashed) + 3
    audit.record("sign_in", user=ada, subject=ada.email, address="203.0.113.9")
    sign_in.check("ada@example.com", PASSWORD, address="203.0.113.9")
    assert hashed[-1] == PASSWORD


def test_a_nul_in_an_address_is_no_account(ada: User) -> None:
    assert sign_in.check("a\x00da@example.org", PASSWORD) is None


def test_two_passwords_are_looked_at_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB while it is looked at."""
    at_once, most, lock, release = 0, 0, threading.Lock(), threading.Event()

    class Hasher:
        def hash(self, _password: str) -> str:
            self.verify("", "")
            return ""

        def verify(self, _hash: str, _password: str) -> None:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
                if at_once == 2:
                    release.set()
            release.wait(timeout=10)
            with lock:
                at_once -= 1

    monkeypatch.setattr(passwords, "_hasher", Hasher())
    threads = [threading.Thread(target=passwords.verify, args=("a", None)) for _ in range(8)]
    passwords._decoy.cache_clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    passwords._decoy.cache_clear()
    assert most == 2
