"""Smart lists: saved, shared, renamed."""

from __future__ import annotations

import pytest

from massadmin.extensions import db
from massadmin.records.filters import Query
from massadmin.records.smart_lists import (
    BadList,
    find_list,
    lists_for,
    may_change,
    rename_list,
    save_list,
)
from tests.factories import a_user, contacts, query

pytestmark = pytest.mark.usefixtures("db_session")


def test_own_lists_and_shared_ones_are_seen() -> None:
    admin, manager = a_user(), a_user("manager")
    own = save_list(admin, contacts(), "Leads", query("status:is:Lead"))
    shared = save_list(admin, contacts(), "All hands", Query(), shared=True)
    db.session.commit()
    assert [each.name for each in lists_for(admin, contacts())] == ["All hands", "Leads"]
    assert [each.name for each in lists_for(manager, contacts())] == ["All hands"]
    assert find_list(own.id, manager) is None
    assert find_list(shared.id, manager) is not None
    assert not may_change(shared, manager)
    assert Query.from_json(own.query) == query("status:is:Lead")


def test_names_are_unique_per_person_without_regard_to_case() -> None:
    admin, manager = a_user(), a_user("manager")
    leads = save_list(admin, contacts(), "  My   leads ", Query())
    assert leads.name == "My leads"
    with pytest.raises(BadList, match="already"):
        save_list(admin, contacts(), "MY LEADS", Query())
    save_list(manager, contacts(), "My leads", Query())
    rename_list(leads, admin, "MY leads")
    assert leads.name == "MY leads"
    for name in ("", "   ", "x" * 81):
        with pytest.raises(BadList):
            rename_list(leads, admin, name)
