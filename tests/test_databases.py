"""The sweep between tests, on which all of them rely."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from tests.databases import Broom

NEXT = text("SELECT nextval(pg_get_serial_sequence('custom_fields', 'id'))")


@pytest.mark.usefixtures("db_session")
def test_numbers_begin_anew_where_what_took_them_was_rolled_back(broom: Broom) -> None:
    assert db.session.scalar(NEXT) == 1
    db.session.rollback()
    broom.sweep()
    assert db.session.scalar(NEXT) == 1
    db.session.rollback()
