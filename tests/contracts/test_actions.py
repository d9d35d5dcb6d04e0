"""What every action must be; the registry is walked, so that a new one is never half done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from massadmin import actions
from massadmin.auth.models import User
from massadmin.auth.permissions import ROLES
from massadmin.records.modules import MODULES
from massadmin.runs.action import REGISTRY, Action, ActionForm
from tests.factories import (
    a_user,
    contacts,
    run_action,
    some_contacts,
    tally,
    undo_run,
    world,
)

ROOT = Path(__file__).resolve().parents[2]
actions.load()
ALL = sorted(REGISTRY.values(), key=lambda each: each.key)
every_action = pytest.mark.parametrize("action", ALL, ids=lambda each: each.key)
# Settings with which an action that must be told something does something to plain contacts.
SETTINGS = {
    "add_tags": {"tags": "vip"},
    "remove_tags": {"all": "yes"},
    "update_fields": {"set.city": "Oslo"},
    "change_owner": {"owner": "manager@example.com"},
    "delete": {"confirm": "DELETE"},
    "restore": {"on_conflict": "skip"},
    "export": {"columns": "email", "format": "csv"},
}
# These begin with a file, with another run, or with what was deleted.
BEGIN_ELSEWHERE = {"import", "undo", "restore"}
ON_CONTACTS = sorted(set(REGISTRY) - BEGIN_ELSEWHERE)


def test_the_nine_and_undo_are_there() -> None:
    assert {*SETTINGS, *BEGIN_ELSEWHERE} <= set(REGISTRY)


@every_action
def test_it_says_what_it_is(action: Action, app: object) -> None:
    from lucide import IconDoesNotExist, _render_icon

    assert re.fullmatch(r"[a-z][a-z0-9_]{0,40}", action.key)
    assert action.label
    assert action.label[0].isupper()
    assert action.__doc__
    try:
        _render_icon(action.icon, 16)
    except IconDoesNotExist:
        pytest.fail(f"there is no icon {action.icon}")
    assert issubclass(action.Form, ActionForm)
    assert set(action.modules) <= set(MODULES)


@every_action
def test_some_role_may_use_it_and_a_stranger_may_not(action: Action) -> None:
    for key in action.modules:
        permission = f"{key}.{action.permission}"
        assert any(User(role=role, active=True).can(permission) for role in ROLES), permission
        assert not User(role="admin", active=False).can(permission)


@every_action
def test_readme_tells_of_it(action: Action) -> None:
    told = f"| `{action.key}` |" in (ROOT / "README.md").read_text()
    assert told, f"the table of actions in README has no row for {action.key}"


@every_action
def test_it_has_a_file_and_a_test_of_its_own(action: Action) -> None:
    module = type(action).__module__.rsplit(".", 1)[1]
    own = [each for each in ALL if type(each).__module__ == type(action).__module__]
    assert own == [action]
    test = ROOT / "tests" / "actions" / f"test_{module}.py"
    assert test.is_file(), f"{action.key} has no test of its own, {test.relative_to(ROOT)}"


@every_action
def test_what_can_be_undone_has_a_way_back(action: Action) -> None:
    assert action.reversible == (type(action).revert is not Action.revert)


@pytest.mark.parametrize("key", ON_CONTACTS)
@pytest.mark.usefixtures("db_session")
def test_doing_it_twice_is_harmless_and_undo_restores_exactly(key: str) -> None:
    admin = a_user()
    a_user("manager")
    some_contacts(3, owner_id=admin.id, city="Rome")
    run_action("add_tags", admin, tags="old")
    before = world()
    params = {name.replace(".", "__"): value for name, value in SETTINGS.get(key, {}).items()}
    run = run_action(key, admin, **params)
    assert tally(run) == (3, 0, 0)
    once = world()
    if key != "delete":
        again = run_action(key, admin, **params)
        assert world() == once
        assert again.failed == 0
    if REGISTRY[key].reversible:
        assert once != before
        assert tally(undo_run(run, admin)) == (3, 0, 0)
        assert world() == before


@pytest.mark.parametrize("key", [key for key in ON_CONTACTS if key != "export"])
@pytest.mark.usefixtures("db_session")
def test_a_member_reaches_only_their_own_records(key: str) -> None:
    admin, member = a_user(), a_user("member")
    a_user("manager")
    foreign = some_contacts(3, owner_id=admin.id, city="Rome")
    run_action("add_tags", admin, tags="old")
    before = world()
    from massadmin.runs.action import get_action
    from massadmin.runs.audience import of_ids
    from massadmin.runs.chunk import Chunk

    assert of_ids(foreign, contacts(), member).count() == 0
    # Even a chunk that holds foreign ids by mistake changes nothing.
    action = get_action(key)
    from werkzeug.datastructures import MultiDict

    params = action.prepare(
        action.params(MultiDict(SETTINGS.get(key, {})), contacts(), admin), contacts(), member
    )
    run = run_action("add_tags", admin, f"id:is:{foreign[0]}", tags="old")
    from massadmin.extensions import db

    db.session.rollback()
    chunk = Chunk(run.id, 9, contacts(), foreign[1:], params, member)
    action.apply(chunk)
    assert chunk.tally["succeeded"] == 0
    assert world() == before
    db.session.rollback()
