"""Whose address counts: the one that asks, or the one that a trusted proxy names."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask, request
from sqlalchemy import select

from massadmin.auth import sign_in
from massadmin.auth.models import SignInAttempt
from massadmin.config import Settings
from massadmin.extensions import db
from massadmin.web import proxies

FORGED = {
    "X-Forwarded-For": "9.9.9.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Real-IP": "9.9.9.9",
    "Forwarded": "for=9.9.9.9;proto=https",
}


def behind(settings: Settings, count: int) -> Flask:
    """An application that answers with what it takes the asker for."""
    app = Flask("seen")
    app.config["SETTINGS"] = dataclasses.replace(settings, trusted_proxies=count)
    app.add_url_rule("/", view_func=lambda: f"{request.remote_addr} {request.url_root}")
    proxies.init_app(app)
    return app


@pytest.mark.parametrize(
    ("count", "forwarded_for", "seen"),
    [
        (0, "9.9.9.9", "127.0.0.1"),
        (1, "9.9.9.9", "9.9.9.9"),
        # What stands further left was written by whoever asked the proxy.
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.1", "9.9.9.9"),
        # It did not come through both.
        (2, "9.9.9.9", "127.0.0.1"),
    ],
)
def test_the_address_that_the_trusted_proxies_saw(
    settings: Settings, count: int, forwarded_for: str, seen: str
) -> None:
    browser = behind(settings, count).test_client()
    answer = browser.get("/", headers={"X-Forwarded-For": forwarded_for})
    assert answer.text.split()[0] == seen


def test_https_and_the_host_are_seen_through_a_trusted_proxy(settings: Settings) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "crm.example"}
    assert (
        behind(settings, 1)
        .test_client()
        .get("/", headers=headers)
        .text.endswith(" https://crm.example/")
    )


def test_none_is_trusted_by_default(settings: Settings) -> None:
    assert settings.trusted_proxies == 0
    answer = behind(settings, settings.trusted_proxies).test_client().get("/", headers=FORGED)
    assert answer.text == "127.0.0.1 http://localhost/"


def test_a_forged_address_does_not_get_around_the_throttle(app: Flask) -> None:
    browser = app.test_client()
    answers = [
        browser.post(
            "/sign-in",
            data={"email": f"somebody{n}@example.com", "password": "wrong"},
            headers=FORGED | {"X-Forwarded-For": f"9.9.9.{n}"},
        ).status_code
        for n in range(sign_in.PER_ADDRESS + 1)
    ]
    assert answers == [422] * sign_in.PER_ADDRESS + [429]
    with app.app_context():
        addresses = set(db.session.scalars(select(SignInAttempt.address)))
    assert addresses == {"127.0.0.1"}


def test_metrics_are_not_for_those_who_come_through_a_proxy(app: Flask) -> None:
    asked = app.test_client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert asked.status_code == 403
