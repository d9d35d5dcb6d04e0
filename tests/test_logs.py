"""Log lines: one per event."""

from __future__ import annotations

import logging
import re

import pytest

from massadmin import logs


def line_of(record: logging.LogRecord) -> str:
    return logs.OneLine().format(record)


def record(message: str, *args: object, exc_info: object = None) -> logging.LogRecord:
    return logging.LogRecord("massadmin.runs.execute", logging.INFO, "", 0, message, args, exc_info)  # type: ignore[arg-type]


def test_an_event_tells_when_how_grave_and_where() -> None:
    line = line_of(record("run=%s chunk=%s", 7, 3))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info massadmin\.runs\.execute run=7 chunk=3", line
    )


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b", "a\x00b", "a\x9b31mb"],
)
def test_a_value_can_neither_forge_a_line_nor_steer_a_terminal(value: str) -> None:
    line = line_of(record("file=%s", value))
    assert len(line.splitlines()) == 1
    assert all(sign.isprintable() for sign in line)
    assert "\\" in line


def test_letters_of_all_languages_stay() -> None:
    assert line_of(record("name=%s", "Bjørn 李")).endswith("name=Bjørn 李")


def test_a_traceback_stays_in_the_line() -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError as error:
        line = line_of(record("it failed", exc_info=(type(error), error, error.__traceback__)))
    assert len(line.splitlines()) == 1
    assert "Traceback" in line
    assert "broken\\nin two" in line


def test_setting_it_up_twice_says_everything_once(capsys: pytest.CaptureFixture[str]) -> None:
    root, package = logging.getLogger(), logging.getLogger("massadmin")
    before = root.level, package.level, list(root.handlers)
    try:
        logs.setup("info")
        logs.setup("info")
        package.info("said once")
        logging.getLogger("somebody.else").info("not said")
    finally:
        root.setLevel(before[0])
        package.setLevel(before[1])
        root.handlers[:] = before[2]
    said = capsys.readouterr().err
    assert said.count("said once") == 1
    assert "not said" not in said
