"""What bulk actions did to one record."""

from __future__ import annotations

import pytest

from massadmin.runs.timeline import touched
from tests.factories import a_user, as_of_line, contacts, run_action, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")


def test_runs_that_touched_or_skipped_a_record_the_newest_first() -> None:
    admin = a_user(name="Ada Lovelace")
    one, other = some_contacts(2)
    first = run_action("add_tags", admin, f"id:is:{one}", tags="vip")
    second = run_action("add_tags", admin, tags="vip")
    found = touched(contacts(), one, 10)
    assert [(event.run_id, event.outcome) for event in found] == [
        (second.id, "skipped"),
        (first.id, "succeeded"),
    ]
    assert found[0].reason == "Already has these tags"
    assert found[1].after == {"tags_added": ["vip"]}
    assert (found[1].who, found[1].run_user_id, found[1].icon) == ("Ada Lovelace", admin.id, "tag")
    assert [event.outcome for event in touched(contacts(), other, 10)] == ["succeeded"]
    assert len(touched(contacts(), one, 1)) == 1


def test_lines_of_a_file_are_found_by_the_records_they_made_or_changed() -> None:
    admin = a_user()
    one, other = some_contacts(2)
    made = run_action("add_tags", admin, f"id:is:{one}", tags="vip")
    as_of_line(made, other)
    assert [event.run_id for event in touched(contacts(), one, 10)] == [made.id]
    assert touched(contacts(), other, 10) == []
