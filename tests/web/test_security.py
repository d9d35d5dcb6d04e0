"""Every route is guarded, every answer carries its headers, every change needs a token."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing.converters import (
    AnyConverter,
    BaseConverter,
    NumberConverter,
    UUIDConverter,
)

from massadmin.auth.permissions import known
from massadmin.web import access
from massadmin.web.headers import CONTENT_SECURITY_POLICY
from tests.web.conftest import SignIn

PUBLIC_ENDPOINTS = {
    "static",
    "assets.vendor",
    "assets.favicon",
    "console.theme",
    "sign_in.form",
    "sign_in.enter",
    "sign_in.leave",
    "health.process",
    "health.ready",
    "health.metrics",  # asks for a token of its own, or a caller on the same machine
}


def endpoints(app: Flask) -> list[str]:
    return sorted(app.view_functions)


def test_every_route_says_who_may_ask(app: Flask) -> None:
    silent = [each for each in endpoints(app) if access.access_of(app, each) is None]
    assert silent == [], "mark these views with permission, signed_in or public"


def test_every_permission_of_a_route_exists(app: Flask) -> None:
    for endpoint in endpoints(app):
        for needed in access.access_of(app, endpoint) or ():
            filled = re.sub(r"\{\w+\}", "contacts", needed)
            assert needed in (access.PUBLIC, access.SIGNED_IN) or known(filled), (
                f"{endpoint} asks for {needed}, which nobody can hold"
            )


def test_only_these_routes_are_open_to_everybody(app: Flask) -> None:
    public = {each for each in endpoints(app) if access.access_of(app, each) == (access.PUBLIC,)}
    assert public <= PUBLIC_ENDPOINTS


def test_every_other_route_turns_a_stranger_away(app: Flask, client: FlaskClient) -> None:
    tried = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC_ENDPOINTS:
            continue
        values = {name: _sample(converter) for name, converter in rule._converters.items()}
        with app.test_request_context():
            url = rule.build(values, append_unknown=False)
        if url is None:  # a converter that takes neither of these
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(url[1], method=method)
            assert answer.status_code == 303, f"{method} {url[1]} answered a stranger"
            assert answer.location.startswith("/sign-in")
            tried += 1
    assert tried > 10


def _sample(converter: BaseConverter) -> Any:
    """A value that fits into an address where `converter` stands."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    if isinstance(converter, NumberConverter):
        return 1
    return uuid.UUID(int=1) if isinstance(converter, UUIDConverter) else "contacts"


def test_a_route_that_says_nothing_is_closed(app: Flask, signed_in: SignIn) -> None:
    browser = signed_in("admin")
    app.view_functions["console.shortcuts"], kept = (
        lambda: "open",
        app.view_functions["console.shortcuts"],
    )
    try:
        assert browser.get("/shortcuts").status_code == 403
    finally:
        app.view_functions["console.shortcuts"] = kept


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/settings/users", {"admin"}),
        ("/settings/limits", {"admin"}),
        ("/settings/audit", {"admin", "manager"}),
        ("/settings/roles", {"admin", "manager", "support_lead", "member"}),
    ],
)
def test_roles_open_the_pages_they_should(signed_in: SignIn, path: str, allowed: set[str]) -> None:
    for role in ("admin", "manager", "support_lead", "member"):
        answer = signed_in(role).get(path)
        assert answer.status_code == (200 if role in allowed else 403), role


def test_permissions_can_be_filled_in_from_the_address(app: Flask, client: FlaskClient) -> None:
    view = access.permission("{module}.view")(lambda module: "")
    assert view.access == ("{module}.view",)  # type: ignore[attr-defined]  # the mark itself


def test_every_page_carries_the_headers(client: FlaskClient, signed_in: SignIn) -> None:
    for answer in (
        client.get("/sign-in"),
        client.get("/"),
        client.get("/no/such/page"),
        signed_in().get("/settings/profile"),
    ):
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert {each.strip() for each in answer.headers["Vary"].split(",")} >= {
            "HX-Request",
            "Cookie",
        }


def test_the_policy_allows_no_inline_code_or_style() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self'; style-src")


@pytest.mark.parametrize("secure", [False, True])
def test_cookies_are_as_safe_as_the_installation_says(
    app: Flask, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    import dataclasses

    from massadmin.web import _configure_cookies

    settings = dataclasses.replace(app.config["SETTINGS"], cookie_secure=secure)
    app.config["SETTINGS"] = settings
    _configure_cookies(app)
    answer = app.test_client().get("/sign-in", base_url="https://console.example")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("; Secure" in cookie) is secure
    assert cookie.startswith("__Host-") is secure
    assert ("Strict-Transport-Security" in answer.headers) is secure


def test_installations_on_one_machine_do_not_share_a_cookie(app: Flask) -> None:
    from massadmin.web import _configure_cookies

    first = app.config["SESSION_COOKIE_NAME"]
    app.config["SECRET_KEY"] = "of another installation"
    _configure_cookies(app)
    assert app.config["SESSION_COOKIE_NAME"] != first


def token(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found
    return found[1]


def test_a_change_without_the_token_is_refused(app: Flask, signed_in: SignIn) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    browser = signed_in()
    bare = browser.post("/settings/profile/name", data={"name": "Mallory"})
    assert bare.status_code == 400
    assert "earlier sign-in" in bare.text
    assert "Mallory" not in browser.get("/settings/profile").text


def test_the_token_counts_as_field_and_as_header(app: Flask, signed_in: SignIn) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    browser = signed_in()
    held = token(browser.get("/settings/profile").text)
    url = "/settings/profile/name"
    assert browser.post(url, data={"name": "A", "csrf_token": held}).status_code == 303
    assert browser.post(url, data={"name": "B"}, headers={"X-CSRFToken": held}).status_code == 303


def test_a_token_of_somebody_else_is_refused(app: Flask, signed_in: SignIn) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    theirs = token(signed_in("manager").get("/settings/profile").text)
    mine = signed_in("admin")
    mine.get("/settings/profile")
    answer = mine.post("/settings/profile/name", data={"name": "A", "csrf_token": theirs})
    assert answer.status_code == 400


def test_htmx_without_a_good_token_gets_a_notice(app: Flask, signed_in: SignIn) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    answer = signed_in().post("/settings/profile/name", headers={"HX-Request": "true"})
    assert answer.status_code == 400
    assert answer.headers["HX-Retarget"] == "#toasts"
    assert "toast-error" in answer.text


def test_htmx_signed_out_with_an_old_token_is_sent_to_sign_in(
    app: Flask, client: FlaskClient
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post("/settings/profile/name", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in")
