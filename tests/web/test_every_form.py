"""Every form and every address, found by following the links of a small console, bears any text:
none of it is an error of the server, none of it is markup in a page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from massadmin.auth import passwords
from massadmin.extensions import db
from massadmin.records.modules import CustomField
from tests.factories import run_action, some_contacts, start_action
from tests.web.conftest import SignIn
from tests.web.runs.test_index import user_of
from tests.web.test_absurd_numbers import ADDRESSES

pytestmark = pytest.mark.usefixtures("db_session")

MARKUP = '"><img src=x hx-get="/evil">{{7*7}}\u202e\u200b\u2066&#x41;'
RAW = '<img src=x hx-get="/evil">'
SHORT = '<b hx-get="/evil">\u202e{{7*7}}'
HTMX = {"HX-Request": "true"}
# No link leads here: they are asked for by scripts, or by people who are signed out.
MORE = (
    "/contacts/selection",
    "/contacts/count",
    "/contacts/filter",
    "/runs/live",
    "/trash/find",
    "/shortcuts",
    "/contacts/actions/add_tags",
    "/contacts/actions/restore",
)
# These end the session that the walk needs.
LEFT_OUT = ("/sign-out", "/settings/profile/password", "/settings/users/1/")


class Page(HTMLParser):
    """The links and forms of a page: `forms` maps (method, path) to names and values."""

    def __init__(self, path: str, html: str) -> None:
        super().__init__()
        self.path, self.links = path, set[str]()
        self.forms: dict[tuple[str, str], dict[str, str]] = {}
        self._open: list[dict[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.links |= {given[name] for name in ("href", "hx-get") if name in given}
        action = given.get("hx-post") or given.get("action") or self.path
        if tag == "form":
            posts = "hx-post" in given or given.get("method", "").lower() == "post"
            key = ("post" if posts else "get", urlsplit(action).path)
            self._open.append(self.forms.setdefault(key, {}))
        elif "hx-post" in given:
            fields = self.forms.setdefault(("post", urlsplit(action).path), {})
            fields.setdefault(given.get("name") or "anything", given.get("value", ""))
        elif self._open and given.get("name") and given["name"] != "csrf_token":
            self._open[-1].setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._open:
            self._open.pop()


def shape(url: str) -> str:
    """The path with every number alike, and the names of the arguments."""
    parts = urlsplit(url)
    names = sorted({name for name, _ in parse_qsl(parts.query)} & {"tab", "trash", "list", "ids"})
    return re.sub(r"\d+", "7", parts.path) + " " + " ".join(names)


def walk(browser: FlaskClient, *start: str) -> Iterator[tuple[str, Page]]:
    """Every page that links lead to, one of each shape."""
    seen, todo = set[str](), list(start)
    while todo:
        url = todo.pop(0)
        if not url.startswith("/") or url.startswith("/static/") or shape(url) in seen:
            continue
        seen.add(shape(url))
        answer = browser.get(url, buffered=True)
        assert answer.status_code < 500, url
        if answer.mimetype == "text/html":
            page = Page(urlsplit(url).path, answer.text)
            todo += sorted(page.links)
            yield answer.text, page


@pytest.fixture
def browser(signed_in: SignIn) -> FlaskClient:
    """An admin in a console in which everything is called something that could be markup."""
    browser = signed_in()
    admin = user_of(browser)
    db.session.add(
        CustomField(module="contacts", key="odd", label=SHORT, type="choice", choices=[SHORT])
    )
    admin.name = MARKUP
    named = dict.fromkeys(("city", "company_name", "status", "source", "postal_code"), MARKUP)
    some_contacts(3, owner_id=admin.id, **named)
    db.session.execute(
        text(
            "UPDATE contacts SET first_name = odd, custom = jsonb_build_object('odd', odd)"
            " FROM CAST(:odd AS text) AS odd"
        ),
        {"odd": SHORT},
    )
    db.session.commit()
    browser.post("/contacts/lists", data={"name": SHORT, "at": f"f=city:is:{SHORT}&q=first"})
    run_action("add_tags", admin, tags=SHORT)
    run_action("update_fields", admin, **{"set.city": MARKUP})
    run_action("delete", admin, "email:is:p3@example.com", confirm="DELETE")
    start_action("export", admin, columns="email", format="csv")
    db.session.execute(text("UPDATE runs SET name = :odd"), {"odd": MARKUP})
    db.session.execute(
        text("UPDATE run_results SET outcome = 'failed', reason = :odd WHERE item = 1"),
        {"odd": MARKUP},
    )
    db.session.commit()
    file = (b"email,name\nx1@example.com," + RAW.encode() + b"\n") * 2
    browser.post(
        "/imports", data={"module": "contacts", "file": (io.BytesIO(file), f"{SHORT[:20]}.csv")}
    )
    return browser


def test_names_are_text_wherever_they_are_shown(browser: FlaskClient) -> None:
    shown = 0
    for html, page in walk(browser, "/contacts", "/runs", "/trash", "/imports", "/settings/users"):
        # Of what is shown as text, neither a tag nor an attribute of ours can come.
        assert "/evil" not in page.links, page.path
        assert RAW not in html, page.path
        assert '<b hx-get="/evil"' not in html, page.path
        assert "49" not in re.findall(r"\{\{7\*7\}\}|>49<", html), page.path
        shown += "/evil" in html
    assert shown > 20


def forms(browser: FlaskClient) -> dict[tuple[str, str], dict[str, str]]:
    """Every form that the walk meets, one of each shape."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    shapes = set[tuple[str, str, str]]()
    for _, page in walk(browser, "/contacts", "/runs", "/trash", "/imports", *MORE):
        for (method, path), fields in page.forms.items():
            key = (method, shape(path), " ".join(sorted(fields)))
            if key not in shapes and not path.startswith(LEFT_OUT):
                shapes.add(key)
                found.setdefault((method, path), {}).update(fields)
    return found


def test_every_field_bears_any_text(browser: FlaskClient) -> None:
    tried = 0
    for (method, path), fields in forms(browser).items():
        for name, odd, htmx in product(fields, ("a\x00b@example.com", MARKUP), ({}, HTMX)):
            data: Any = {**fields, name: odd}
            send = {"query_string": data} if method == "get" else {"data": data}
            answer = browser.open(path, method=method.upper(), headers=htmx, **send)
            assert answer.status_code < 500, (method, path, name, odd)
            if answer.mimetype == "text/html":
                assert RAW not in answer.text, (method, path, name, odd)
            tried += 1
    assert tried > 600


NULS = ("\x00", "city:is:\x00", "\x00:is:x", "city:\x00:x")
TEXTS = {
    "/contacts": ("f", "q", "match", "sort", "at"),
    "/contacts/count": ("f", "q"),
    "/contacts/filter": ("f", "field", "op", "value", "sort"),
    "/contacts/selection": ("selection", "at", "page", "total"),
    "/contacts/lists/new": ("f", "q", "sort"),
    "/contacts/new": ("at",),
    "/trash": ("f", "q", "sort"),
    "/trash/deletions": ("after", "before"),
    "/trash/find": ("pasted", "next"),
    "/runs": ("q", "status", "type", "when", "from", "to"),
    "/runs/1": ("tab", "q", "outcome", "reason"),
    "/runs/1/reasons": ("q", "outcome", "reason"),
    "/settings/audit": ("q", "event", "user", "since"),
    "/sign-in": ("next",),
}


def test_every_address_bears_a_nul_in_any_argument(browser: FlaskClient) -> None:
    for path, names in [*TEXTS.items(), *ADDRESSES.items()]:
        for name in names:
            for odd in NULS[: None if name == "f" else 1]:
                answer = browser.get(f"{path}?{urlencode({name: odd})}", buffered=True)
                assert answer.status_code < 500, (path, name)
                assert answer.status_code != 404, path


def test_a_stranger_signs_in_with_any_text(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "verify", lambda _password, _hash: False)
    for name in ("email", "password", "next"):
        for odd in ("a\x00b@example.com", MARKUP, "x" * 50_000):
            data = {"email": "a@example.com", "password": "x", name: odd}
            answer = client.post("/sign-in", data=data)
            assert answer.status_code in (422, 429), name
            assert RAW not in answer.text
