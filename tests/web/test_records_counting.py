"""Counting to the end holds up nobody who reads: one list at a time, and the number follows."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, literal, select, text
from sqlalchemy.exc import ProgrammingError

from massadmin.extensions import db
from massadmin.web.records import counting, view
from massadmin.web.records.counting import Counting
from tests.factories import some_contacts
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")

LOCK = 1_472
HELD = select(literal(5)).where(func.pg_advisory_xact_lock(LOCK).is_not(None))
ROME = "f=city:is:Rome"


def test_those_who_ask_for_the_same_wait_for_one_count() -> None:
    counted = Counting()
    noted: list[int] = []
    held = partial(counted.number, "Rome", db.engine, HELD, noted.append)
    with db.engine.connect() as holder:
        holder.execute(select(func.pg_advisory_lock(LOCK)))
        assert held(0) is None
        assert held(0) is None
        # Another list is counted after it.
        assert counted.number("Oslo", db.engine, select(literal(6)), noted.append, 0) is None
        holder.execute(select(func.pg_advisory_unlock(LOCK)))
        assert counted.number("Oslo", db.engine, select(literal(7)), noted.append, None) in (6, 7)
    assert noted[:2] == [5, 6]


def test_counting_gives_way_with_all_that_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gave_way: list[object] = []
    monkeypatch.setattr(counting, "let_server_give_way", gave_way.append)
    parallel = text("SELECT CAST(current_setting('max_parallel_workers_per_gather') AS integer)")
    assert Counting().number("Rome", db.engine, parallel, print, None) == 0
    assert len(gave_way) == 1


def test_a_count_that_failed_says_so_and_is_made_again() -> None:
    counted = Counting()
    with pytest.raises(ProgrammingError):
        counted.number("Rome", db.engine, text("SELECT nothing"), print, None)
    assert counted.number("Rome", db.engine, select(literal(5)), print, None) == 5


def test_a_page_asks_again_for_what_is_still_being_counted(
    signed_in: SignIn,
    counted_up_to: Callable[[int], None],
    held_count: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some_contacts(60, city="Rome")
    counted_up_to(50)
    browser: FlaskClient = signed_in()
    token = re.search(r'name="selection" value="([^"]+)"', browser.get(f"/contacts?{ROME}").text)
    assert token is not None
    form = {"op": "all", "at": ROME, "selection": token[1], "total": ""}

    def selected(html: str) -> str:
        said = re.search(r'id="selected-count">(.*?)</span>\n', html, re.DOTALL)
        assert said is not None
        return re.sub("<[^>]+>", "", said[1])

    monkeypatch.setattr(view, "PATIENCE", 0)
    again = r'hx-get="/contacts/count\?f=city%3Ais%3ARome" hx-trigger="load delay:1s"'
    assert re.search(again, browser.get(f"/contacts/count?{ROME}").text)
    bar = browser.post("/contacts/selection", data=form).text
    assert selected(bar) == "All matching selected, counting…"
    assert re.search(again, bar)

    held_count()
    monkeypatch.setattr(view, "PATIENCE", None)
    answer = browser.get(f"/contacts/count?{ROME}")
    assert ">60<" in answer.text
    assert answer.headers["HX-Trigger-After-Swap"] == "counted"
    bar = browser.get(f"/contacts/selection?selection={token[1]}&at={ROME}").text
    assert selected(bar) == "All 60 matching selected"
