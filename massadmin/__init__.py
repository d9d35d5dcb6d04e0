"""Massadmin: bulk actions on CRM records, previewed, explained per record, reversible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from massadmin.config import Settings
from massadmin.paths import asset_dir

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> Flask:
    """The console as a Flask application: the one place where its parts are wired together.

    Args:
        settings: where the databases are, and the rest; None reads the environment and starts
            nothing. `DATABASE_URL` and `REDIS_URL` must then be set, or a running installation
            of the same data folder must provide them.
    """
    # Imported here: `massadmin up` and its helpers load the package without the application.
    from flask import Flask

    from massadmin import actions, auth, web
    from massadmin.connecting import TO_POSTGRESQL
    from massadmin.embedded import connected, secret_key
    from massadmin.extensions import csrf, db, htmx, migrate
    from massadmin.runs import dispatch
    from massadmin.web import intake

    settings = connected(settings or Settings.from_env())
    app = Flask(
        "massadmin",
        template_folder=str(asset_dir("templates")),
        static_folder=str(asset_dir("static")),
    )
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=secret_key(settings),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_pre_ping": True,
            "pool_size": settings.web_threads + 2,
            "connect_args": TO_POSTGRESQL,
        },
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        WTF_CSRF_TIME_LIMIT=None,
    )
    db.init_app(app)
    migrate.init_app(app, db, directory=str(asset_dir("migrations")))
    intake.init_app(app)  # ahead of the check of the token, which reads the form
    csrf.init_app(app)
    htmx.init_app(app)
    app.extensions["massadmin_redis"] = dispatch.connect(settings.redis_url)
    auth.init_app(app)
    actions.load()
    web.init_app(app)
    _chores(settings)
    return app


def _chores(settings: Settings) -> None:
    """What the clock does besides driving runs. Each chore commits its own work."""
    from massadmin.auth import sessions
    from massadmin.exports import keeping
    from massadmin.imports import do_errands, drop_old_files, keep_cancelled_outcomes, limits_of
    from massadmin.records import selection
    from massadmin.runs import alive, retention
    from massadmin.runs.clock import add_chore

    # Somebody waits for these.
    add_chore("errands", 0.0, lambda: do_errands(limits_of(settings), settings.chunk_size))
    add_chore("cancelled imports", 0.0, keep_cancelled_outcomes)
    hour = 3_600.0
    add_chore("purge", hour, lambda: retention.purge_expired(settings.restore_days))
    add_chore("results", hour, lambda: retention.drop_old_results(settings.result_days))
    add_chore("sessions", hour, sessions.purge)
    add_chore("selections", hour, selection.forget_old_selections)
    add_chore("heartbeats", hour, alive.forget_the_silent)
    add_chore("imports", hour, drop_old_files)
    add_chore("exports", hour, lambda: keeping.expire(settings.export_days))
