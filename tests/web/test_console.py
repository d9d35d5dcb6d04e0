"""The frame of every page: where `/` leads, the theme, the shortcuts, the sidebar."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from massadmin.auth.models import User
from tests.web.conftest import SignIn


def test_home_is_the_first_page_one_may_see(signed_in: SignIn) -> None:
    for role in ("admin", "member"):
        browser = signed_in(role)
        first = re.search(r'<a class="nav-link"[^>]*href="([^"]+)"', browser.get("/shortcuts").text)
        assert first
        assert browser.get("/").location == first[1]


def test_the_sidebar_holds_what_the_role_may_open(app: Flask, signed_in: SignIn) -> None:
    for role in ("admin", "manager", "support_lead", "member"):
        page = signed_in(role).get("/shortcuts").text
        for entry in app.extensions["nav"]:
            shown = f"<span>{entry.label}</span>" in page
            allowed = not entry.permission or User(role=role, active=True).can(entry.permission)
            assert shown is allowed, (role, entry.label)


def test_the_page_one_is_on_is_marked(signed_in: SignIn) -> None:
    page = signed_in().get("/settings/roles").text
    assert re.findall(r'id="(nav-\w+)"[^>]*aria-current="page"', page) == ["nav-settings"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_in_the_first_byte_of_the_next_page(client: FlaskClient, theme: str) -> None:
    answer = client.post("/theme", data={"theme": theme, "next": "/settings/roles?a=1"})
    assert (answer.status_code, answer.location) == (303, "/settings/roles?a=1")
    page = client.get("/sign-in").text
    assert f'<html lang="en" data-theme="{theme}">' in page
    assert page.count('aria-pressed="true"') == 1


def test_the_system_decides_when_nobody_did(client: FlaskClient) -> None:
    client.post("/theme", data={"theme": "dark"})
    client.post("/theme", data={"theme": "system"})
    assert '<html lang="en">' in client.get("/sign-in").text
    client.set_cookie("theme", '"><script>alert(1)</script>')
    assert "alert(1)" not in client.get("/sign-in").text


def test_a_theme_sends_nobody_to_another_site(client: FlaskClient) -> None:
    answer = client.post("/theme", data={"theme": "dark", "next": "//evil.example"})
    assert answer.location == "/"


def test_shortcuts_are_a_dialog_or_a_page(signed_in: SignIn) -> None:
    browser = signed_in()
    dialog = browser.get("/shortcuts", headers={"HX-Request": "true"}).text
    assert 'id="dlg-title"' in dialog
    assert "<html" not in dialog
    page = browser.get("/shortcuts").text
    assert "<kbd>Shift</kbd>" in page
    assert "<html" in page


def test_htmx_is_configured_as_the_policy_needs(client: FlaskClient) -> None:
    import json

    page = client.get("/sign-in").text
    found = re.search(r"name=\"htmx-config\" content='([^']+)'", page)
    assert found
    config = json.loads(found[1])
    for key in ("allowEval", "allowScriptTags", "includeIndicatorStyles"):
        assert config[key] is False
    assert config["selfRequestsOnly"] is True
    assert config["disableInheritance"] is True
    assert config["historyCacheSize"] == 0
    swapped = [
        status
        for status in ("200", "204", "303", "400", "404", "409", "422", "500")
        if next(each for each in config["responseHandling"] if re.search(each["code"], status))[
            "swap"
        ]
    ]
    assert swapped == ["200", "303", "409", "422"]


def test_no_page_carries_inline_code_or_style(signed_in: SignIn) -> None:
    browser = signed_in()
    for url in ("/settings/profile", "/settings/users", "/settings/audit", "/shortcuts", "/nope"):
        page = browser.get(url).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|hx-on|javascript:", page), url
        for script in re.findall(r"<script[^>]*>", page):
            assert "src=" in script


def test_ids_are_unique(signed_in: SignIn) -> None:
    browser = signed_in()
    for url in ("/settings/profile", "/settings/users", "/settings/audit", "/settings/limits"):
        ids = re.findall(r'\sid="([^"]+)"', browser.get(url).text)
        assert len(ids) == len(set(ids)), url
