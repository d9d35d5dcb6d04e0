"""Tags: one per word, whatever its case."""

from __future__ import annotations

import pytest

from massadmin.records.tags import BadTag, ensure_tags, known_tags, suggest_tags, tag_names


def test_names_are_read_once_each_and_tidied() -> None:
    assert tag_names(" vip,  Trade   show , VIP,,") == ["vip", "Trade show"]
    assert tag_names(["a,b", "c"]) == ["a", "b", "c"]
    for bad in ("x" * 65, "a|b", "a\x00"):
        with pytest.raises(BadTag):
            tag_names(bad)


@pytest.mark.usefixtures("db_session")
def test_tags_are_found_whatever_their_case() -> None:
    first = ensure_tags(["VIP", "été"])
    again = ensure_tags(["vip", "Été", "new"])
    assert again["vip"] == first["VIP"]
    assert again["Été"] == first["été"]
    assert known_tags(["nothing", "NEW"]) == {"NEW": again["new"]}
    assert suggest_tags("v") == ["VIP"]
    assert suggest_tags("%") == []
