"""How numbers, times and sizes read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from massadmin.web import formats
from tests.web.conftest import SignIn

NOW = datetime(2026, 11, 22, 16, 8, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (12431, "12,431"), (1234.56, "1,234.6"), (None, "–")]
)
def test_numbers(value: float | None, words: str) -> None:
    assert formats.number(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "under 1 s"),
        (0.4, "under 1 s"),
        (1, "1 s"),
        (59.6, "1 min"),
        (75, "1 min 15 s"),
        (4_320, "1 h 12 min"),
        (3_605, "1 h"),
        (190_000, "2 d 4 h"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert formats.duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "–"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_400, "1.4 kB"),
        (250_000, "250 kB"),
        (1_400_000, "1.4 MB"),
        (1_073_741_824, "1.1 GB"),
        (5e12, "5.0 TB"),
    ],
)
def test_sizes(size: float | None, words: str) -> None:
    assert formats.filesize(size) == words


def test_plurals() -> None:
    assert formats.plural(1, "contact") == "1 contact"
    assert formats.plural(12431, "contact") == "12,431 contacts"
    assert formats.plural(0, "entry", "entries") == "0 entries"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(hours=5, minutes=59), "5 h ago"),
        (timedelta(days=-12), "in 12 days"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_distances_in_time(app: Flask, before: timedelta, words: str) -> None:
    with app.test_request_context():
        assert f">{words}</time>" in formats.ago(NOW - before, now=NOW)


def test_moments_are_shown_in_the_installations_zone(app: Flask) -> None:
    with app.test_request_context():
        assert formats.moment(NOW) == (
            '<time datetime="2026-11-22T16:08:05+00:00" title="2026-11-22 16:08:05+00:00">'
            "22 Nov 2026, 16:08</time>"
        )
        assert ">22 Nov 2026<" in formats.moment(NOW, "date")
        assert ">22 Nov 2026, 16:08:05<" in formats.moment(NOW.replace(tzinfo=None), "second")
        assert formats.moment(None) == formats.ago(None) == "–"


def test_moments_are_shown_in_the_zone_somebody_chose(app: Flask, signed_in: SignIn) -> None:
    browser = signed_in()
    browser.post("/settings/profile/name", data={"name": "Ada", "timezone": "Asia/Kathmandu"})
    page = browser.get("/settings/profile").text
    assert "+05:45" in page
