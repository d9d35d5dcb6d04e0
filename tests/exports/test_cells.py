"""Cells made by the database: the same rule against formulas as in Python."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from massadmin.exports.cells import defused
from massadmin.extensions import db
from massadmin.tabular.formula import defuse

pytestmark = pytest.mark.usefixtures("db_session")

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫\t\r\n"
LEADS = " '\"`‘’“”\u00a0\u200b\u3000\ufeff\x0b\x0c\x85"
AWKWARD = [
    "", "a", "Z9", "0=1", "=1", "+4712345678", "+47 12", "-12.5", "-12,5", "-1.2.3", "+", "-",
    "@sum", "\t=1", "\r", "\n", "\nplain", " =1", "'=1", "''=1", "'plain", "\u200b@x", "[x]",
    "_x", "{x}", "~", "é=", "Ærlig", "١٢", "+١٢", "-5\n", "中文", "＝cmd", "\\.", "^", "`-1",
]  # fmt: skip


def in_sql(texts: list[str]) -> list[str]:
    given_texts = func.unnest(bindparam(None, texts, type_=ARRAY(Text)), type_=Text)
    cell = given_texts.column_valued("cell")
    return list(db.session.scalars(select(defused(cell))))


def test_awkward_cells_are_treated_as_in_python() -> None:
    assert in_sql(AWKWARD) == [defuse(each) for each in AWKWARD]


def test_every_character_as_the_first_is_treated_as_in_python() -> None:
    first = [chr(code) for code in range(1, 0x1_0000) if not 0xD800 <= code <= 0xDFFF]
    for after in ("x", "=x"):
        texts = [each + after for each in first]
        assert in_sql(texts) == [defuse(each) for each in texts]


anything = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
tricky = st.text(st.sampled_from(SIGNS + LEADS + "a1."), max_size=6)


@settings(max_examples=20, deadline=None)
@given(st.lists(anything | tricky, min_size=100, max_size=300))
def test_any_cell_is_treated_as_in_python(texts: list[str]) -> None:
    assert in_sql(texts) == [defuse(each) for each in texts]
