"""Fields as jsonb in SQL."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.records.as_json import object_of

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.mark.parametrize("count", [0, 1, 50, 51, 130])
def test_an_object_has_all_its_keys_however_many_they_are(count: int) -> None:
    values = [(f"key {number}", f"to_jsonb({number})") for number in range(count)]
    made = db.session.scalar(text(f"SELECT {object_of(values)}"))
    assert made == {f"key {number}": number for number in range(count)}
