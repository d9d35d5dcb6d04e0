"""Dispatch: the bell. The only file that knows RQ.

A ticket says “there is work” and nothing else; which work, the database knows. A ticket lost or
rung twice costs nothing, so ringing never fails its caller: when the queue is away, the clock
rings again.
"""

from __future__ import annotations

import logging
import signal
import threading
from datetime import UTC, datetime
from types import FrameType

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from massadmin.config import BadSetting
from massadmin.connecting import to_valkey
from massadmin.extensions import db
from massadmin.runs import alive

log = logging.getLogger(__name__)

QUEUE = "massadmin"
# A queue that takes connections and does not answer within this time is away.
ANSWER_SECONDS = 2.0
# One ticket is worked on for about this long; then a new one is rung if work remains, so that a
# worker asked to leave is never far from a good moment.
TICKET_SECONDS = 5.0
# More tickets than this in the queue tell the workers nothing new.
MOST_TICKETS = 32

# Set when this process, a worker, was asked to leave.
_leaving = threading.Event()


def connect(url: str, *, patient: bool = False) -> Redis:
    """A connection to the queue that gives up quickly when it is away, or silent.

    Args:
        patient: try ten times, over some seconds, instead of once: a worker can do nothing without
            the queue, while a page is waited for.

    Raises:
        BadSetting: the address asks for what no connection has.
    """
    try:
        connection = Redis.from_url(
            url,
            socket_connect_timeout=ANSWER_SECONDS,
            # A worker waits for tickets longer than this; RQ sees to that by itself.
            socket_timeout=ANSWER_SECONDS,
            health_check_interval=15,
            **({} if patient else {"retry": Retry(NoBackoff(), 0)}),
            **to_valkey(url),
        )
        # Made and dropped without connecting: otherwise the first ticket finds a wrong option.
        pool = connection.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"REDIS_URL has an option that cannot be used: {error}") from error
    return connection


def _queue() -> Queue:
    connection: Redis = current_app.extensions["massadmin_redis"]
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)


def ring(tickets: int = 1) -> bool:
    """Enqueue up to `tickets` tickets; whether the queue took them."""
    try:
        queue = _queue()
        for _ in range(max(0, min(tickets, MOST_TICKETS - queue.count))):
            queue.enqueue_call(work, result_ttl=0, failure_ttl=60, timeout=-1)
    except (RedisError, OSError) as error:
        log.warning("The queue is away; the clock will ring again: %s", error)
        return False
    return True


def queue_depth() -> int:
    """Tickets waiting.

    Raises:
        RedisError: the queue is away.
    """
    return int(_queue().count)


def work() -> None:
    """What a ticket does: work on whatever is due for a few seconds, and ring on if more is."""
    from massadmin.runs.execute import drain, has_due_work, work_once

    try:
        drain(seconds=TICKET_SECONDS, leave=_leaving.is_set)
        # Whoever stays looks for one more chunk: what is due may be in the hands of others.
        if has_due_work() if _leaving.is_set() else work_once():
            ring()
    finally:
        db.session.remove()


class Worker(SimpleWorker):
    """A worker that a first signal lets finish its chunk; a second one has the chunk rolled back.

    RQ's own handler waits for the whole ticket, and writes to the queue from within the signal,
    which may have interrupted just that.
    """

    # Seconds between two tries to reach a queue that is away.
    max_connection_wait_time = 5.0

    def subscribe(self) -> None:
        """Listen to no commands: nobody sends any, and leaving would wait for the listener."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        _leaving.set()
        self._stop_requested = True
        self._shutdown_requested_date = datetime.now(UTC)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self.request_force_stop)
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested


def run_worker(app: Flask) -> bool:
    """Be a worker until a signal asks to leave; the chunk at hand is finished first.

    Returns:
        Whether it was asked to leave; otherwise the queue has been away for long.

    Raises:
        RedisError: the queue is away.
    """
    _leaving.clear()
    url = app.config["SETTINGS"].redis_url
    with app.app_context(), alive.beating("worker", app), connect(url, patient=True) as connection:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        worker = Worker([queue], connection=connection, serializer=JSONSerializer)
        # Work may have become due while nobody was there to hear the bell.
        ring()
        worker.work(with_scheduler=False, logging_level="WARNING")
    return _leaving.is_set()
