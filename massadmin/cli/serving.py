"""`massadmin up`, `web`, `worker` and `clock`: the processes that stay."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click
import psycopg

from massadmin import logs, schema
from massadmin.cli.refusals import Refusal
from massadmin.config import Settings
from massadmin.embedded import supervisor
from massadmin.embedded.passwords import how_to_sign_in

# Each command imports the application by itself: `up` needs it at the first start only, and the
# next ones shall not wait for it.

port_type = click.IntRange(1, 65_535)
# Seconds that a web server which was just stopped or killed may still have the port.
PREDECESSOR = 5.0


@click.command()
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=port_type, help="Port to listen on. [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes. [default: 2]")
@click.option("--no-demo", is_flag=True, help="Start empty, with one admin.")
def up(host: str | None, port: int | None, workers: int | None, no_demo: bool) -> None:
    """Run the databases, the web server, workers and a clock on this machine until Ctrl-C.

    The first start fills the console with demo data and says how to sign in.
    """
    settings = Settings.from_env(host=host, port=port, workers=workers)
    logs.setup(settings.log_level)
    status = supervisor.run(
        settings,
        demo=not no_demo,
        upgrade=_upgrade,
        prepare=_prepare,
    )
    raise click.exceptions.Exit(status)


def _upgrade(settings: Settings) -> None:
    with _connected(settings) as connection:
        at = schema.revision(lambda sql: (connection.execute(sql).fetchone() or (None,))[0])
    if schema.state(at) is not schema.State.CURRENT:
        from massadmin.cli.console import upgrade

        upgrade(settings)


def _prepare(settings: Settings, with_demo: bool) -> str:
    """Fill a new installation; how to sign in."""
    with _connected(settings) as connection:
        new = connection.execute("SELECT NOT EXISTS (SELECT FROM users)").fetchone() == (True,)
    if new:
        from massadmin import create_app, demo
        from massadmin.extensions import db

        app = create_app(settings)
        with app.app_context():
            if with_demo:
                click.echo(f"First start: making {demo.CONTACTS:,} demo contacts …")
                logs.setup("warning")
                demo.fill(settings)
                logs.setup(settings.log_level)
            else:
                demo.first_admin(settings)
            db.session.remove()
            db.engine.dispose()
    return how_to_sign_in(settings.data_dir)


def _connected(settings: Settings) -> psycopg.Connection[tuple[object, ...]]:
    try:
        address = settings.database_url.replace("+psycopg", "", 1)
        return psycopg.connect(address, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Refusal(f"the database cannot be used: {error}") from error


@click.command()
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=port_type, help="Port to listen on. [default: 8000]")
def web(host: str | None, port: int | None) -> None:
    """Run the web server alone: MASSADMIN_WEB_PROCESSES of MASSADMIN_WEB_THREADS threads each."""
    from massadmin.cli.console import console
    from massadmin.cli.web_server import WebServer, counted_together
    from massadmin.extensions import db

    settings = Settings.from_env(host=host, port=port)
    supervisor.port_free(settings.host, settings.port, PREDECESSOR)
    with counted_together(), console(log_level=settings.log_level) as app:
        # The server forks: its children must not inherit connections.
        db.session.remove()
        db.engine.dispose()
        WebServer(
            app,
            host=settings.host,
            port=settings.port,
            processes=settings.web_processes,
            threads=settings.web_threads,
        ).run()


@click.command()
def worker() -> None:
    """Run one worker. SIGTERM or Ctrl-C lets it finish the chunk at hand."""
    from massadmin.cli.console import console
    from massadmin.extensions import db
    from massadmin.giving_way import give_way
    from massadmin.runs.dispatch import run_worker

    with console(log_level=Settings.from_env().log_level) as app:
        give_way(db.engine)
        if not run_worker(app):
            raise Refusal("the queue was away for too long; the worker gives up")


@click.command()
def clock() -> None:
    """Run one clock; any number may run."""
    from massadmin.cli.console import console
    from massadmin.runs.clock import run_clock

    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    with console(log_level=Settings.from_env().log_level) as app:
        before = {each: signal.signal(each, ask) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            run_clock(app, stop)
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
