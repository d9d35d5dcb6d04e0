"""What all tests share: the servers, a clean database, the application, the real input."""

from __future__ import annotations

import contextvars
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from argon2 import PasswordHasher
from sqlalchemy import Connection, func, select

from massadmin.config import Settings
from massadmin.embedded.services import services
from tests.databases import WORKER, Broom, own_database, superuser

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from flask_sqlalchemy.session import Session
    from sqlalchemy.orm import scoped_session

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
REQUIRE_BROWSER = os.environ.get("MASSADMIN_REQUIRE_BROWSER", "") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs a Chromium")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the servers' files, when their last user is done."""
    if not WORKER:
        base: Path = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # pytest names it in no public way
        shutil.rmtree(base / "servers", ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    in_browser = item.get_closest_marker("browser") or "chromium" in getattr(
        item, "fixturenames", ()
    )
    if in_browser and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        if REQUIRE_BROWSER:
            report.outcome = "failed"
            report.longrepr = f"MASSADMIN_REQUIRE_BROWSER=1 forbids to skip this: {reason}"
        else:
            # All of them at one place, which `pytest -rs` folds into one line.
            report.longrepr = ("tests in a browser", None, reason)  # type: ignore[assignment]  # pytest takes no line
    return report


@pytest.fixture(scope="session", autouse=True)
def hasher_of_the_product() -> Iterator[PasswordHasher]:
    """How the product hashes passwords. In the tests' own process it is done cheaply instead, since
    they hash many; its strength is tested by itself."""
    from massadmin.auth import passwords

    own = passwords._hasher
    passwords._hasher = PasswordHasher(1, 8, 1)
    yield own
    passwords._hasher = own


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, or a skip that says there is none."""
    named = os.environ.get("MASSADMIN_CHROMIUM", "")
    for name in (named,) if named else BROWSERS:
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium found: install one, or name it in MASSADMIN_CHROMIUM")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files from the field, beside the checkout."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"the real input is not here: no folder {path}")
    return path


@pytest.fixture(scope="session")
def shared_tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if WORKER else base


@pytest.fixture(scope="session")
def served(shared_tmp: Path) -> Iterator[Settings]:
    """Settings with the addresses of the servers of this test run, which do not flush to disk."""
    data_dir = shared_tmp / "servers"
    with services(Settings.from_env({}, data_dir=data_dir), durable=False) as settings:
        yield settings


@pytest.fixture(scope="session")
def settings(
    served: Settings, shared_tmp: Path, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The settings of this process's tests: a database, a queue and folders of its own."""
    number = int(WORKER.removeprefix("gw") or 0) + 1
    return Settings.from_env(
        {},
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=own_database(served, shared_tmp, _migrate),
        redis_url=served.redis_url.replace("?db=0", f"?db={number}"),
        secret_key="of all the tests",
    )


def _migrate(settings: Settings) -> None:
    from flask_migrate import upgrade

    from massadmin import create_app
    from massadmin.extensions import db

    app = create_app(settings)
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def broom(settings: Settings, served: Settings) -> Iterator[Broom]:
    """What empties the database, for tests that need it empty more than once."""
    with superuser(served.database_url, f"test_{WORKER or 'main'}") as connection:
        yield Broom(connection)


@pytest.fixture(scope="session")
def _queue(settings: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.redis_url) as queue:
        yield queue


@pytest.fixture
def clean(broom: Broom, _queue: redis.Redis, settings: Settings) -> Iterator[None]:
    """A database, a queue and a folder of files as at the first start. Emptied after the test."""
    yield
    _queue.flushdb()
    broom.sweep()
    shutil.rmtree(settings.files_dir, ignore_errors=True)


@pytest.fixture
def database_url(settings: Settings, clean: None) -> str:
    """The clean database, for tests that start processes of their own."""
    return settings.database_url


@pytest.fixture
def redis_url(settings: Settings, clean: None) -> str:
    """The clean queue, likewise."""
    return settings.redis_url


@pytest.fixture
def environ(settings: Settings, clean: None) -> dict[str, str]:
    """The environment in which a process of the console works on the clean database."""
    return {**os.environ, **settings.to_environ(), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def _app(settings: Settings) -> Iterator[Flask]:
    from massadmin import create_app
    from massadmin.extensions import db

    app = create_app(settings)
    # Forms of tests carry no token, except in the tests of the token, which turn this on again.
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = _isolated_client()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(_app: Flask, clean: None) -> Iterator[Flask]:
    """The application on a clean database. What a test changes in `app.config` is put back."""
    config = dict(_app.config)
    yield _app
    _app.config.clear()
    _app.config.update(config)


@pytest.fixture
def db_session(app: Flask) -> Iterator[scoped_session[Session]]:
    """The database session of an application context, which lasts for the test."""
    from massadmin.extensions import db

    with app.app_context():
        yield db.session


@pytest.fixture
def counted_up_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`counted_up_to(50)`: lists say numbers exactly up to that, and remember none for later."""
    from massadmin.web.records import view
    from massadmin.web.records.counting import Counting
    from massadmin.web.records.counts import Counts

    def patched(number: int) -> None:
        monkeypatch.setattr(view, "COUNTS", Counts())
        monkeypatch.setattr(view, "COUNTING", Counting())
        monkeypatch.setattr(view, "COUNTED", number)

    return patched


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript; it keeps its cookies."""
    return app.test_client()


@pytest.fixture
def make_client(app: Flask) -> Callable[[], FlaskClient]:
    """More browsers, each with cookies of its own."""
    return app.test_client


def _isolated_client() -> type[FlaskClient]:
    from flask.testing import FlaskClient

    class IsolatedClient(FlaskClient):
        """Answers each request in a context of its own, as a server does.

        Within the context that `db_session` pushes, Flask would share `g`, and with it the
        signed-in user and the database session, between all requests of a test.
        """

        def open(self, *args: Any, **kwargs: Any) -> Any:
            return contextvars.Context().run(super().open, *args, **kwargs)

    return IsolatedClient


@pytest.fixture
def held_count(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Counting a list to its end takes until this is called."""
    from massadmin.extensions import db
    from massadmin.records.listing import counting
    from massadmin.web.records import view

    number = 1_471

    def held(*asked: Any) -> Any:
        counted = counting(*asked).scalar_subquery()
        return select(counted, func.pg_advisory_xact_lock(number))

    def let_go(holder: Connection) -> None:
        holder.execute(select(func.pg_advisory_unlock_all()))

    with app.app_context(), db.engine.connect() as holder:
        holder.execute(select(func.pg_advisory_lock(number)))
        monkeypatch.setattr(view, "counting", held)
        yield partial(let_go, holder)
        let_go(holder)
