"""How connections over a network notice that the other side was lost.

A machine that loses its power, or a network that swallows packets, closes no connection: whoever
waits for an answer waits for a quarter of an hour, and what they have locked stays locked.
"""

from __future__ import annotations

import socket

# How long each side may be silent before the other asks, how often it then asks, and how long what
# was sent may stay unconfirmed. All in seconds, but for the number of times.
SILENT, ASKED_EVERY, ASKED_TIMES = 30, 10, 3
UNCONFIRMED = 30
_MILLISECONDS = UNCONFIRMED * 1_000

# To PostgreSQL: of us, and of the server towards us, so that nobody need configure it.
TO_POSTGRESQL: dict[str, str | int] = {
    # Results compare times as text, so every connection writes them in one zone.
    "options": "-c timezone=UTC"
    f" -c tcp_keepalives_idle={SILENT}"
    f" -c tcp_keepalives_interval={ASKED_EVERY}"
    f" -c tcp_keepalives_count={ASKED_TIMES}"
    f" -c tcp_user_timeout={_MILLISECONDS}",
    "keepalives_idle": SILENT,
    "keepalives_interval": ASKED_EVERY,
    "keepalives_count": ASKED_TIMES,
    "tcp_user_timeout": _MILLISECONDS,
    # A server that does not even refuse must not hold anybody up for minutes.
    "connect_timeout": 10,
}


def to_valkey(url: str) -> dict[str, dict[int, int]]:
    """What `Redis.from_url(url)` is to be given besides; nothing for a socket of this machine."""
    if url.startswith("unix:"):
        return {}
    wanted = {
        "TCP_KEEPIDLE": SILENT,
        "TCP_KEEPINTVL": ASKED_EVERY,
        "TCP_KEEPCNT": ASKED_TIMES,
        "TCP_USER_TIMEOUT": _MILLISECONDS,
    }
    # Which of them there are depends on the system.
    known = {
        getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)
    }
    return {"socket_keepalive_options": known}
