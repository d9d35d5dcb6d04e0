"""Change owner."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import text

from massadmin.extensions import db
from massadmin.runs.action import BadParams
from tests.factories import (
    a_user,
    contact,
    reasons,
    results,
    run_action,
    some_contacts,
    tally,
    undo_run,
)

pytestmark = pytest.mark.usefixtures("db_session")


def test_to_one_person_who_may_own_some_already() -> None:
    admin, manager = a_user(), a_user("manager")
    some_contacts(3, owner_id=manager.id)
    ids = some_contacts(2)
    run = run_action("change_owner", admin, owner=str(manager.id))
    assert tally(run) == (2, 3, 0)
    assert reasons(run) == {"": 2, "Already theirs": 3}
    assert contact(ids[0]).owner_id == manager.id
    assert run.name == "Change owner to Manager"


def test_spread_evenly_over_several_across_chunks() -> None:
    admin = a_user()
    people = [a_user("member", f"Agent {number}") for number in range(3)]
    some_contacts(1_001)
    run_action("change_owner", admin, owner=",".join(person.email for person in people))
    owned = Counter(db.session.scalars(text("SELECT owner_id FROM contacts")))
    assert sorted(owned[person.id] for person in people) == [333, 334, 334]


def test_undo_gives_back_what_still_is_as_the_run_left_it() -> None:
    admin, manager = a_user(), a_user("manager")
    ids = some_contacts(3, owner_id=admin.id)
    run = run_action("change_owner", admin, owner="manager@example.com")
    db.session.execute(text("UPDATE contacts SET owner_id = NULL WHERE id = :id"), {"id": ids[0]})
    db.session.commit()
    undone = undo_run(run, admin)
    assert [contact(each).owner_id for each in ids] == [None, admin.id, admin.id]
    assert reasons(undone) == {"Changed since": 1, "": 2}
    assert results(undone)[1].before == {"owner_id": manager.id}
    assert results(undone)[1].after == {"owner_id": admin.id}


def test_nobody_unknown_or_inactive_people_are_refused() -> None:
    admin, gone = a_user(), a_user("member", "Gone", active=False)
    some_contacts(1)
    for owner in ("", "nobody@example.com", gone.email, "99999"):
        with pytest.raises(BadParams):
            run_action("change_owner", admin, owner=owner)
