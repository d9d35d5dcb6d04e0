"""Add tags."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.runs.action import BadParams
from tests.factories import (
    a_user,
    reasons,
    results,
    run_action,
    some_contacts,
    tags_of,
    tally,
    undo_run,
)

pytestmark = pytest.mark.usefixtures("db_session")


def test_new_and_known_tags_are_put_on_and_listed_per_record() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="VIP")
    run = run_action("add_tags", admin, tags="vip, 2026 ,, fair")
    assert tags_of(ids[0]) == ["2026", "VIP", "fair"]
    assert tags_of(ids[1]) == ["2026", "VIP", "fair"]
    added = [sorted((result.after or {})["tags_added"]) for result in results(run)]
    assert added == [["2026", "fair"], ["2026", "VIP", "fair"], ["2026", "VIP", "fair"]]


def test_who_has_them_already_is_skipped() -> None:
    admin = a_user()
    some_contacts(3)
    run_action("add_tags", admin, tags="vip")
    again = run_action("add_tags", admin, tags="vip")
    assert tally(again) == (0, 3, 0)
    assert reasons(again) == {"Already has these tags": 3}


def test_undo_takes_off_only_what_the_run_put_on() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="old")
    run = run_action("add_tags", admin, tags="old,new")
    db.session.execute(text("DELETE FROM contact_tags WHERE contact_id = :id"), {"id": ids[1]})
    db.session.commit()
    undone = undo_run(run, admin)
    assert [tags_of(each) for each in ids] == [["old"], [], []]
    assert tally(undone) == (2, 1, 0)
    assert reasons(undone) == {"": 2, "Changed since": 1}


@pytest.mark.parametrize("tags", ["", " , ", "a|b", "x" * 65, "\x00"])
def test_unusable_names_are_refused(tags: str) -> None:
    admin = a_user()
    with pytest.raises(BadParams) as refused:
        run_action("add_tags", admin, tags=tags)
    assert list(refused.value.errors) == ["tags"]
