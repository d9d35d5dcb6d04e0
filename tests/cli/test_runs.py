"""`massadmin runs`: the history, and what can be done to a run."""

from __future__ import annotations

import pytest

from massadmin.auth.models import User
from massadmin.auth.permissions import _CONSOLE_GRANTS
from massadmin.extensions import db
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run
from tests.cli.conftest import Shell
from tests.factories import a_user, contact, run_action, some_contacts, start_action


def test_the_history_lists_the_newest_first(shell: Shell, admin: User) -> None:
    some_contacts(2)
    run_action("add_tags", admin, tags="x")
    start_action("update_fields", admin, set__city="Oslo")
    runs = shell.json("runs")["runs"]
    assert [(each["id"], each["state"], each["name"]) for each in runs] == [
        (2, "queued", "Set City to Oslo"),
        (1, "completed", "Add tag x"),
    ]
    assert (runs[1]["succeeded"], runs[1]["total"]) == (2, 2)
    lines = shell("runs").out.splitlines()
    assert lines[0].split()[:3] == ["id", "started", "state"]
    assert len(lines) == 3


def test_the_history_has_the_filters_of_the_page(shell: Shell, admin: User) -> None:
    manager = a_user("manager")
    some_contacts(2, phone="+4721234567")
    run_action("add_tags", manager, tags="spring")
    run_action("update_fields", admin, replace__phone="+47=>")
    start_action("add_tags", admin, tags="autumn")

    def ids(*words: str) -> list[int]:
        return [each["id"] for each in shell.json("runs", *words)["runs"]]

    assert ids() == [3, 2, 1]
    assert ids("--status", "queued") == [3]
    assert ids("--status", "active") == [3]
    assert ids("--status", "with_errors") == [2]
    assert ids("--type", "add_tags") == [3, 1]
    assert ids("--user", manager.email) == [1]
    assert ids("--text", "spring") == [1]
    assert ids("--since", "2020-01-01") == [3, 2, 1]
    assert ids("--until", "2020-01-01") == []
    assert ids("--limit", "1") == [3]
    assert "no status" in shell.refused("runs", "--status", "nosuch")
    assert "no date" in shell.refused("runs", "--since", "tomorrow")
    assert "no action “add_tag”" in shell.refused("runs", "--type", "add_tag")
    assert "no user" in shell.refused("runs", "--user", "nobody@example.com")


def test_a_user_sees_the_runs_they_may_see(shell: Shell, admin: User) -> None:
    member = a_user("member")
    some_contacts(2, owner_id=member.id)
    run_action("add_tags", admin, tags="theirs")
    run_action("add_tags", member, tags="mine")
    mine = shell.json("runs", "--as", member.email)["runs"]
    assert [each["id"] for each in mine] == [2]
    assert "no run 1" in shell.refused("runs", "show", "1", "--as", member.email)
    assert "no run 1" in shell.refused("runs", "undo", "1", "--as", member.email)


def test_showing_a_run_tells_its_reasons_and_batches(shell: Shell, admin: User) -> None:
    some_contacts(2, city="Oslo")
    some_contacts(3, city="Bergen")
    run_action("update_fields", admin, set__city="Oslo")
    told = shell.json("runs", "show", 1)
    assert (told["state"], told["succeeded"], told["skipped"]) == ("completed", 3, 2)
    assert told["reasons"] == [
        {"outcome": "succeeded", "reason": "", "count": 3},
        {"outcome": "skipped", "reason": "Already so", "count": 2},
    ]
    (batch,) = told["batches"]
    assert (batch["batch"], batch["size"], batch["done"]) == (0, 5, 5)
    people = shell("runs", "1")
    assert people.out.splitlines()[1:] == ["  3 succeeded", "  2 skipped: Already so"]


def test_a_run_can_be_paused_resumed_and_cancelled(shell: Shell, admin: User) -> None:
    some_contacts(300)
    run = start_action("add_tags", admin, tags="x")
    work_once(run.id)
    assert shell.json("runs", "pause", run.id)["state"] == "paused"
    assert "cannot pause" in shell.refused("runs", "pause", run.id)
    resumed = shell.json("runs", "resume", run.id, "--wait")
    assert (resumed["state"], resumed["succeeded"]) == ("completed", 300)
    assert "cannot cancel" in shell.refused("runs", "cancel", run.id)

    other = start_action("add_tags", admin, tags="y")
    work_once(other.id)
    cancelled = shell.json("runs", "cancel", other.id)
    assert (cancelled["state"], cancelled["succeeded"]) == ("cancelled", 100)
    assert shell("runs", "show", other.id, "--wait").status == 1


def test_undo_is_a_run_of_its_own(shell: Shell, admin: User) -> None:
    ids = some_contacts(2, city="Oslo")
    run_action("update_fields", admin, set__city="Rome")
    undone = shell.json("runs", "undo", 1, "--wait")
    assert (undone["id"], undone["action"], undone["succeeded"]) == (2, "undo", 2)
    assert contact(ids[0]).city == "Oslo"
    # What was taken back once is not taken back again.
    assert "Nothing is selected" in shell.refused("runs", "undo", "1")


def test_retry_takes_what_failed(shell: Shell, admin: User) -> None:
    some_contacts(2, phone="+4721234567")
    some_contacts(1)
    run_action("update_fields", admin, replace__phone="+47=>", set__city="Oslo")
    again = shell.json("runs", "retry", 1, "--wait", status=3)
    assert (again["total"], again["failed"]) == (2, 2)
    assert db.session.get_one(Run, again["id"]).retry_of == 1


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "cancel", "undo", "retry"])
def test_an_unknown_run_is_refused(shell: Shell, admin: User, verb: str) -> None:
    assert "there is no run 77" in shell.refused("runs", verb, "77")
    assert shell("runs", verb, "seven").status == 2
    assert shell("runs", verb, "0").status == 2


def test_others_runs_are_not_there_for_whoever_may_not_see_them(shell: Shell, admin: User) -> None:
    some_contacts(1)
    run_action("add_tags", admin, tags="x")
    lead = a_user("support_lead")
    for verb in ("show", "undo", "retry", "pause", "resume", "cancel"):
        assert "there is no run 1" in shell.refused("runs", verb, "1", "--as", lead.email)


def test_others_runs_are_left_alone_by_whoever_only_sees_them(
    shell: Shell, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_contacts(1)
    run_action("add_tags", admin, tags="x")
    manager = a_user("manager")
    monkeypatch.setitem(_CONSOLE_GRANTS, "manager", frozenset({"runs.view_all"}))
    assert shell("runs", "show", "1", "--as", manager.email).status == 0
    for verb in ("undo", "retry", "pause", "resume", "cancel"):
        refused = shell.refused("runs", verb, "1", "--as", manager.email)
        assert "nly who started a bulk action" in refused
    assert db.session.get(Run, 2) is None
