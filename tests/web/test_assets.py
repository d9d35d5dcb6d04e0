"""Styles, scripts and icons reach the browser, from this package and from others."""

from __future__ import annotations

import re
from pathlib import Path

import lucide
import pytest
from flask import Flask
from flask.testing import FlaskClient

from massadmin.paths import asset_dir
from massadmin.web.assets import icon, static_url
from massadmin.web.errors import EXPIRED, WORDS


def test_everything_the_page_loads_is_there_and_kept(client: FlaskClient) -> None:
    page = client.get("/sign-in", buffered=True).text
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(loaded) >= 7
    for url in loaded:
        answer = client.get(url, buffered=True)
        assert answer.status_code == 200, url
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers.getlist("Set-Cookie") == []


def test_an_address_without_the_hash_is_asked_for_again(client: FlaskClient) -> None:
    assert "immutable" not in client.get("/static/app.js", buffered=True).headers.get(
        "Cache-Control", ""
    )


def test_the_address_changes_with_the_content(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "static_folder", str(tmp_path))
    with app.test_request_context():
        (tmp_path / "a.css").write_text("a {}")
        first = static_url("a.css")
        (tmp_path / "a.css").write_text("b {}")
        assert static_url("a.css") != first
        assert static_url("a.css").partition("?")[0] == "/static/a.css"
    with app.test_request_context(environ_overrides={"SCRIPT_NAME": "/crm"}):
        assert static_url("a.css").partition("?")[0] == "/crm/static/a.css"


def test_htmx_is_version_2_from_its_package(client: FlaskClient) -> None:
    answer = client.get("/static/vendor/htmx.min.js", buffered=True)
    assert 'version:"2.' in answer.text
    assert answer.mimetype == "text/javascript"
    assert client.get("/static/vendor/other.js", buffered=True).status_code == 404
    assert client.get("/static/vendor/..%2fapps.py", buffered=True).status_code == 404


def test_the_icon_of_the_site(client: FlaskClient) -> None:
    assert client.get("/favicon.ico", buffered=True).mimetype == "image/svg+xml"


def test_an_icon_is_decoration_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in icon("check")
    named = icon("check", 20, 'say "yes" & <no>')
    assert 'role="img"' in named
    assert "<no>" not in named
    assert 'width="20"' in named
    with pytest.raises(lucide.IconDoesNotExist):
        icon("no-such-icon")


def test_every_icon_that_is_named_anywhere_exists(app: Flask) -> None:
    named = {words.icon for words in (*WORDS.values(), EXPIRED)}
    named |= {entry.icon for entry in app.extensions["nav"]}
    patterns = (
        r'\bicon\("([a-z0-9-]+)"',
        r'\bicon_name="([a-z0-9-]+)"',
        r'\bmenu_item\("[^"]*", "([a-z0-9-]+)"',
    )
    for template in asset_dir("templates").rglob("*.html"):
        for pattern in patterns:
            named |= set(re.findall(pattern, template.read_text(encoding="utf-8")))
    assert len(named) > 20
    for name in sorted(named):
        icon(name)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pyproject.toml",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/..\\app.py",
        "/static/app.js%00.css",
        "/static/vendor/..%2fhtmx.min.js",
        "/static/vendor/%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out_of_the_folder(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
