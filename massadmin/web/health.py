"""For machines that watch: is the process up, is everything behind it ready, and the figures."""

from __future__ import annotations

import hmac
import ipaddress
import os
import time
from collections.abc import Iterator

from flask import Blueprint, Response, abort, current_app, g, jsonify, request
from flask.blueprints import BlueprintSetupState
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from massadmin import schema
from massadmin.extensions import db
from massadmin.runs import alive, dispatch
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.states import ACTIVE, WORKABLE
from massadmin.web.access import public

bp = Blueprint("health", __name__)

PATIENCE = 2.0  # seconds
# What a reverse proxy adds: then the address we see is the proxy's, not the asker's.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@bp.get("/healthz")
@public
def process() -> Response:
    """The process answers, whatever it stands on."""
    return _plain("ok\n")


@bp.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Database, queue and migrations: 200, or 503 with what is missing."""
    parts = {"database": _database(), "queue": _queue()}
    faults = {name: fault for name, fault in parts.items() if fault}
    # Why in detail is for `massadmin doctor`: anybody may ask here.
    return jsonify(ready=not faults, faults=faults), 503 if faults else 200


def _database() -> str | None:
    try:
        db.session.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE:.0f}s'"))
        schema.check(schema.revision(lambda sql: db.session.scalar(text(sql))))
    except SQLAlchemyError:
        return "the database cannot be reached"
    except schema.WrongSchema:
        return "the database is at another migration than this program"
    finally:
        _forget()
    return None


def _queue() -> str | None:
    try:
        dispatch.queue_depth()
    except (RedisError, OSError):
        return "the queue cannot be reached"
    return None


def _forget() -> None:
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()


@bp.get("/metrics")
@public
def metrics() -> Response:
    """Figures for Prometheus, for this machine alone or whoever brings the token."""
    if not (_has_token() or _is_local()):
        abort(403, "Metrics are for this machine, or for those who bring MASSADMIN_METRICS_TOKEN.")
    registry: CollectorRegistry = current_app.extensions["metrics"]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _has_token() -> bool:
    token = current_app.config["SETTINGS"].metrics_token
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _is_local() -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _plain(words: str) -> Response:
    return Response(words, mimetype="text/plain")


class _Engine:
    """The engine's figures, read from the database when they are asked for."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("massadmin_part_up", "Whether a part answers.", labels=["part"])
        try:
            yield from self._figures()
        except SQLAlchemyError:
            up.add_metric(["database"], 0)
        else:
            up.add_metric(["database"], 1)
        finally:
            _forget()
        try:
            depth = dispatch.queue_depth()
        except (RedisError, OSError):
            up.add_metric(["queue"], 0)
        else:
            up.add_metric(["queue"], 1)
            yield GaugeMetricFamily("massadmin_queue_tickets", "Tickets waiting.", value=depth)
        yield up

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the database."""
        return iter(())

    def _figures(self) -> Iterator[Metric]:
        runs = GaugeMetricFamily("massadmin_runs", "Runs under way, by state.", labels=["state"])
        # The constant form of this condition is what the index of active runs is made for.
        active = Run.state.not_in(("completed", "cancelled", "failed"))
        counted = select(Run.state, func.count()).where(active).group_by(Run.state)
        counts = {row[0]: row[1] for row in db.session.execute(counted)}
        for state in sorted(ACTIVE):
            runs.add_metric([state], counts.get(state, 0))
        yield runs
        due, oldest = db.session.execute(
            select(
                func.count(),
                func.coalesce(
                    func.extract("epoch", func.clock_timestamp() - func.min(RunChunk.due_at)), 0
                ),
            )
            .join(Run, Run.id == RunChunk.run_id)
            .where(
                Run.state.in_(WORKABLE),
                RunChunk.state == "pending",
                RunChunk.due_at <= func.clock_timestamp(),
            )
        ).one()
        yield GaugeMetricFamily("massadmin_due_chunks", "Chunks that are due.", value=due)
        yield GaugeMetricFamily(
            "massadmin_oldest_due_chunk_seconds", "Age of the oldest one.", value=float(oldest)
        )
        processes = GaugeMetricFamily(
            "massadmin_processes", "Processes that gave a sign of life lately.", labels=["kind"]
        )
        for kind in ("worker", "clock"):
            processes.add_metric([kind], alive.count_alive(kind))
        yield processes


@bp.record_once
def _register(state: BlueprintSetupState) -> None:
    """Give each application a registry of its own."""
    shown = registry = CollectorRegistry(auto_describe=False)
    shown.register(_Engine())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        # Several processes answer: what is shown is what all of them counted.
        MultiProcessCollector(shown)  # type: ignore[no-untyped-call]  # prometheus_client's own
        registry = CollectorRegistry()
    state.app.extensions["metrics"] = shown
    state.app.extensions["requests"] = Counter(
        "massadmin_http_requests",
        "Requests answered.",
        ["endpoint", "method", "status"],
        registry=registry,
    )
    state.app.extensions["latency"] = Histogram(
        "massadmin_http_seconds", "Time to answer a request.", ["endpoint"], registry=registry
    )


@bp.before_app_request
def _begin() -> None:
    g.request_began = time.perf_counter()


@bp.after_app_request
def _end(response: Response) -> Response:
    began = g.pop("request_began", None)
    if began is not None:
        # By endpoint, not by path: addresses are without number, and hold what people search for.
        endpoint = request.endpoint or "none"
        current_app.extensions["requests"].labels(
            endpoint, request.method if request.endpoint else "any", response.status_code
        ).inc()
        current_app.extensions["latency"].labels(endpoint).observe(time.perf_counter() - began)
    return response
