"""Columns of text as the lines of COPY."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from massadmin.extensions import db
from massadmin.imports import copying
from massadmin.imports.copying import array, lines, texts

TEXT = strategies.text(strategies.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ROWS = strategies.lists(
    strategies.tuples(strategies.none() | TEXT, strategies.none() | TEXT), min_size=1, max_size=5
)


@pytest.mark.usefixtures("db_session")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_what_goes_in_comes_out(rows: list[tuple[str | None, str | None]]) -> None:
    db.session.execute(text("CREATE TEMPORARY TABLE words (a text, b text) ON COMMIT DROP"))
    with copying.copying("COPY words FROM STDIN") as copy:
        copy.write(lines([texts(column) for column in zip(*rows, strict=True)]))
    found = [tuple(row) for row in db.session.execute(text("SELECT a, b FROM words"))]
    db.session.rollback()
    assert found == rows


def test_most_columns_are_left_as_they_are() -> None:
    assert texts(["plain", None, "Zoë"]) == ["plain", "\\N", "Zoë"]
    assert texts(["\\N", "a\tb"]) == ["\\\\N", "a\\tb"]
    assert array([3, 1]) == "{3,1}"
    assert array(()) == "{}"


@pytest.mark.usefixtures("db_session")
def test_a_lost_connection_is_told_as_by_any_other_statement() -> None:
    with pytest.raises(OperationalError), copying.copying("COPY tags (name) FROM STDIN"):
        raise psycopg.OperationalError("the connection is lost")
    db.session.rollback()
