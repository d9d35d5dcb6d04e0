"""What tests of pages share: browsers that are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import template_rendered
from flask.testing import FlaskClient

from massadmin.auth import User, sessions
from massadmin.extensions import db
from massadmin.web.records import view
from tests.factories import a_user

if TYPE_CHECKING:
    from flask import Flask

SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def numbers_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers have the number of all that match in them, however busy the machine is."""
    monkeypatch.setattr(view, "PATIENCE", None)


@pytest.fixture
def signed_in(app: Flask) -> SignIn:
    """`signed_in("manager")` or `signed_in(user)`: a new browser in which that person is signed in.

    Its `user_id` says who. No password is typed, because checking one takes long on purpose.
    """

    def sign_in(who: str | User = "admin") -> FlaskClient:
        with app.app_context():
            user = a_user(who) if isinstance(who, str) else db.session.merge(who)
            token = sessions.start(user, address="127.0.0.1", agent="Firefox/140.0 on Linux")
            db.session.commit()
            user_id = user.id
        browser = app.test_client()
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = token
        browser.user_id = user_id  # type: ignore[attr-defined]  # for the tests to compare with
        return browser

    return sign_in


@pytest.fixture
def templates(app: Flask) -> Iterator[list[str]]:
    """The names of the templates that were rendered, in order."""
    names: list[str] = []

    def note(_app: Flask, template: Any, **_extra: Any) -> None:
        names.append(template.name)

    with template_rendered.connected_to(note, app):
        yield names
