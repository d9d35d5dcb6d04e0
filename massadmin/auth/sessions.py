"""Who is signed in: one row per browser, found by the hash of a secret that only its cookie holds.

The server decides: once the row is gone, a kept cookie opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, update

from massadmin.auth.models import User, UserSession
from massadmin.extensions import db

IDLE = timedelta(days=7)
LIFETIME = timedelta(days=30)
_SEEN_EVERY = timedelta(minutes=1)  # reading a page seldom costs a write


def start(user: User, *, address: str = "", agent: str = "") -> str:
    """Add a session to the current transaction and return its secret; `user` now carries it."""
    token = secrets.token_urlsafe(32)
    db.session.add(
        UserSession(
            token_hash=_hash(token), user_id=user.id, address=address[:64], agent=agent[:300]
        )
    )
    user.last_seen_at = datetime.now(UTC)
    user.session_token = token
    return token


# Every request asks this, and putting it together takes longer than its answer.
_USER_OF = (
    select(User, UserSession.id, func.now() - UserSession.last_seen_at > _SEEN_EVERY)
    .join(UserSession, UserSession.user_id == User.id)
    .where(
        UserSession.token_hash == bindparam("token_hash"),
        User.active,
        UserSession.last_seen_at > func.now() - IDLE,
        UserSession.created_at > func.now() - LIFETIME,
    )
)


def user_of(token: str) -> User | None:
    """The active user of a live session, or None. Notes, once a minute, that they were seen."""
    found = db.session.execute(_USER_OF, {"token_hash": _hash(token)}).first()
    if found is None:
        return None
    user, session_id, stale = found
    if stale:
        db.session.execute(
            update(UserSession)
            .where(UserSession.id == session_id)
            .values(last_seen_at=func.now())
            .execution_options(synchronize_session=False)
        )
        db.session.execute(
            update(User)
            .where(User.id == user.id)
            .values(last_seen_at=func.now())
            .execution_options(synchronize_session=False)
        )
        db.session.commit()
    found_user: User = user
    found_user.session_token = token
    return found_user


def end(token: str) -> None:
    """Sign one browser out, in the current transaction."""
    db.session.execute(delete(UserSession).where(UserSession.token_hash == _hash(token)))


def end_all(user: User, *, keep: str | None = None) -> int:
    """End the sessions of `user` except the one whose secret is `keep`; returns how many."""
    statement = delete(UserSession).where(UserSession.user_id == user.id)
    if keep is not None:
        statement = statement.where(UserSession.token_hash != _hash(keep))
    return len(db.session.scalars(statement.returning(UserSession.id)).all())


def end_one(user: User, session_id: int) -> bool:
    """End one session of `user`; False when it is not theirs or already over."""
    ended = db.session.scalars(
        delete(UserSession)
        .where(UserSession.user_id == user.id, UserSession.id == session_id)
        .returning(UserSession.id)
    ).all()
    return bool(ended)


def of(user: User) -> list[UserSession]:
    """The live sessions of `user`, last seen first."""
    return list(
        db.session.scalars(
            select(UserSession)
            .where(
                UserSession.user_id == user.id,
                UserSession.last_seen_at > func.now() - IDLE,
                UserSession.created_at > func.now() - LIFETIME,
            )
            .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
        )
    )


def is_current(session: UserSession, token: str | None) -> bool:
    return token is not None and secrets.compare_digest(session.token_hash, _hash(token))


def purge() -> int:
    """Delete sessions that are over, in the current transaction; returns how many."""
    gone = db.session.scalars(
        delete(UserSession)
        .where(
            (UserSession.last_seen_at <= func.now() - IDLE)
            | (UserSession.created_at <= func.now() - LIFETIME)
        )
        .returning(UserSession.id)
    ).all()
    return len(gone)


def _hash(token: str) -> str:
    """The secret is random, so a plain hash is enough to make a stolen table useless."""
    return hashlib.sha256(token.encode()).hexdigest()
