"""Answers that suit htmx and plain browsers."""

from __future__ import annotations

import pytest
from flask import Flask, get_flashed_messages

from massadmin.web import answers

HTMX = {"HX-Request": "true"}


def test_a_change_sends_each_on_in_its_own_way(app: Flask) -> None:
    with app.test_request_context():
        assert (answers.go("/runs/").status_code, answers.go("/runs/").location) == (303, "/runs/")
    with app.test_request_context(headers=HTMX):
        answer = answers.go("/runs/")
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/runs/")


@pytest.mark.parametrize(
    ("headers", "fragment"),
    [({}, False), (HTMX, True), ({**HTMX, "HX-History-Restore-Request": "true"}, False)],
)
def test_who_gets_a_fragment(app: Flask, headers: dict[str, str], fragment: bool) -> None:
    with app.test_request_context(headers=headers):
        assert answers.asked_by_htmx() is fragment


def test_fragments_carry_the_toasts_that_wait(app: Flask) -> None:
    with app.test_request_context(headers=HTMX):
        answers.notice("Queued <b>7</b> contacts.", href="/runs/7?a=1&b=2", label="View progress")
        answer = answers.fragments("<p>one</p>", "<p>two</p>", close_dialog=True, retarget="#list")
        said = answer.get_data(as_text=True)
        assert said.startswith("<p>one</p><p>two</p>")
        assert said.count('hx-swap-oob="beforeend:#toasts"') == 1
        assert "Queued &lt;b&gt;7&lt;/b&gt; contacts." in said
        assert '<a href="/runs/7?a=1&amp;b=2" data-key="v">View progress</a>' in said
        assert answer.headers["HX-Trigger"] == "close-dialog"
        assert answer.headers["HX-Retarget"] == "#list"


def test_fragments_alone_are_alone(app: Flask) -> None:
    with app.test_request_context(headers=HTMX):
        answer = answers.fragments("<p>one</p>")
        assert answer.get_data(as_text=True) == "<p>one</p>"
        assert "HX-Trigger" not in answer.headers
        assert get_flashed_messages() == []
