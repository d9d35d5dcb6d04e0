"""`massadmin run`: the shapes that scripts rely on, and the exit statuses."""

from __future__ import annotations

import csv
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from massadmin.auth.models import AuditEntry, User
from massadmin.embedded.passwords import ADMIN, FILE
from massadmin.exports.keeping import file_of
from massadmin.extensions import db
from massadmin.runs.models import Run
from tests.cli.conftest import Shell
from tests.factories import a_user, contact, some_contacts, tags_of

pytestmark = pytest.mark.usefixtures("admin")
RUN = ("run", "--module", "contacts")


def test_waiting_for_a_run_prints_one_object(shell: Shell) -> None:
    leads = some_contacts(30, status="Lead")
    some_contacts(20, status="Customer")
    said = shell.json(
        *RUN, "add_tags", "-f", "status:is:Lead", "--param", "tags=vip,2026", "--wait"
    )
    seconds = said.pop("seconds")
    assert 0 < seconds < 60
    assert said == {
        "id": 1, "action": "add_tags", "module": "contacts", "state": "completed",
        "total": 30, "succeeded": 30, "skipped": 0, "failed": 0,
    }  # fmt: skip
    assert tags_of(leads[0]) == ["2026", "vip"]


def test_without_waiting_it_returns_the_id_at_once(shell: Shell) -> None:
    some_contacts(3)
    said = shell(*RUN, "add_tags", "--all", "--param", "tags=vip", "--json")
    assert said.status == 0
    assert (said.json["id"], said.json["state"], said.json["succeeded"]) == (1, "queued", 0)
    assert "No worker is running" in said.err


def test_for_people_it_prints_a_line_and_no_bar_where_no_terminal_is(shell: Shell) -> None:
    some_contacts(3)
    said = shell(*RUN, "add_tags", "--all", "--param", "tags=vip", "--wait")
    assert said.out.startswith("#1 Add tag vip: completed, 3 contacts: 3 succeeded, 0 skipped")
    assert said.err == ""


def test_several_fields_are_updated_by_repeated_settings(shell: Shell) -> None:
    ids = some_contacts(2, city="Bergen", phone="+4721234567")
    said = shell.json(
        *RUN, "update_fields", "--ids", f"{ids[0]}", "--name", "Move to Oslo", "--wait",
        "--param", "set.city=Oslo", "--param", "clear=phone",
        "--param", "replace.email=example.com=>example.org",
    )  # fmt: skip
    assert (said["total"], said["succeeded"]) == (1, 1)
    moved, stayed = contact(ids[0]), contact(ids[1])
    assert (moved.city, moved.phone, moved.email) == ("Oslo", None, "p1@example.org")
    assert (stayed.city, stayed.phone) == ("Bergen", "+4721234567")
    assert db.session.get_one(Run, 1).name == "Move to Oslo"


def test_failed_records_are_an_exit_status_of_their_own(shell: Shell) -> None:
    some_contacts(4, phone="+4721234567")
    said = shell.json(
        *RUN, "update_fields", "--all", "--param", "replace.phone=+47=>", "--wait", status=3
    )
    assert (said["state"], said["failed"]) == ("completed", 4)


def test_filters_are_those_of_a_list(shell: Shell) -> None:
    some_contacts(3, city="Oslo")
    some_contacts(2, city="Bergen")
    some_contacts(1, city="Tromsø", company_name="Polar Labs")
    rehearse = (*RUN, "add_tags", "--param", "tags=x", "--dry-run")
    either = ("-f", "city:is:Oslo", "-f", "city:is:Bergen", "--match", "any")
    assert shell.json(*rehearse, *either)["total"] == 5
    assert shell.json(*rehearse, "--q", "polar")["total"] == 1
    assert shell.json(*rehearse, "--filter", "city:one_of:Oslo|Tromsø")["total"] == 4


def test_a_dry_run_tells_and_changes_nothing(shell: Shell) -> None:
    (known,) = some_contacts(1, city="Oslo")
    some_contacts(2, city="Bergen")
    told = shell.json(*RUN, "update_fields", "--all", "--param", "set.city=Oslo", "--dry-run")
    assert (told["total"], told["succeeded"], told["skipped"]) == (3, 2, 1)
    assert told["reasons"] == [{"outcome": "skipped", "reason": "Already so", "count": 1}]
    assert told["changes"][0]["after"] == {"city": "Oslo"}
    assert db.session.scalar(text("SELECT count(*) FROM contacts WHERE city = 'Oslo'")) == 1
    assert db.session.get(Run, 1) is None
    people = shell(*RUN, "update_fields", "--ids", known, "--param", "set.city=Rome", "--dry-run")
    head, tally, *_ = people.out.splitlines()
    assert "nothing is changed" in head
    assert tally == "Set City to Rome: 1 contact: 1 succeeded, 0 skipped, 0 failed"
    assert people.out.splitlines()[-1].split() == [str(known), "succeeded", "city", "Oslo", "Rome"]


def test_deleting_needs_the_word_and_restoring_finds_what_a_run_deleted(shell: Shell) -> None:
    ids = some_contacts(3)
    delete = (*RUN, "delete", "--ids", f"{ids[0]},{ids[1]}", "--wait")
    assert "Type DELETE" in shell.refused(*delete)
    assert "Type DELETE" in shell.refused(*delete, "--param", "confirm=delete")
    assert shell.json(*RUN, "delete", "--all", "--dry-run")["total"] == 3
    assert shell.json(*delete, "--param", "confirm=DELETE")["succeeded"] == 2
    assert shell.json("count", "contacts") == {"count": 1}
    assert shell.json("count", "contacts", "--trash") == {"count": 2}
    assert shell.json(*RUN, "restore", "--run", "1", "--wait")["succeeded"] == 2
    assert shell.json("count", "contacts") == {"count": 3}


def test_an_export_takes_all_unless_it_is_told_which(shell: Shell) -> None:
    known = some_contacts(2, city="Oslo")
    some_contacts(3, city="Bergen")
    export = (*RUN, "export", "--param", "columns=email", "--dry-run")
    assert shell.json(*export)["total"] == 5
    assert shell.json(*export, "-f", "city:is:Oslo")["total"] == 2
    assert shell.json(*export, "--ids", known[0])["total"] == 1
    assert shell(*export, "-f", "city:is:Oslo", "--all").status == 2


def test_an_export_is_put_where_it_is_wanted(shell: Shell, tmp_path: Path) -> None:
    some_contacts(3, city="Tromsø")
    output = tmp_path / "out.csv"
    said = shell.json(
        *RUN, "export", "--all", "--param", "columns=email,city", "--param", "format=csv",
        "--output", output,
    )  # fmt: skip
    assert (said["succeeded"], said["output"]) == (3, str(output))
    with output.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["E-mail", "City"], *([f"p{n}@example.com", "Tromsø"] for n in (1, 2, 3))]
    entry = db.session.query(AuditEntry).filter_by(event="export.downloaded").one()
    assert entry.subject == "run:1"
    plain = tmp_path / "plain.csv"
    shell.json(
        *RUN, "export", "--param", "columns=email", "--param", "bom=no", "--output", plain
    )  # nothing is changed, so everything may be meant by silence
    assert plain.read_bytes().startswith(b'"E-mail"') or plain.read_bytes().startswith(b"E-mail")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk so full")
def test_an_export_that_finds_no_room_is_kept(shell: Shell) -> None:
    some_contacts(3)
    refused = shell.refused(*RUN, "export", "--param", "columns=email", "--output", "/dev/full")
    assert (
        refused
        == "/dev/full cannot be written: No space left on device; the page of run 1 has the file"
    )
    assert file_of(db.session.get_one(Run, 1)) is not None
    assert db.session.query(AuditEntry).filter_by(event="export.downloaded").count() == 0


def test_an_export_can_go_into_a_pipe(shell: Shell, tmp_path: Path) -> None:
    some_contacts(3)
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit((tmp_path / "pipe").read_bytes)
        shell.json(*RUN, "export", "--param", "columns=email", "--output", tmp_path / "pipe")
        assert b"p1@example.com" in read.result(10)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add_tags", "--param", "tags=x"), "nothing says which contacts"),
        (("add_tags", "-f", "nosuch:is:1", "--param", "tags=x"), "no field “nosuch”"),
        (("add_tags", "-f", "city:gt:1", "--param", "tags=x"), "City cannot be filtered"),
        (("add_tags", "--all"), "Name at least one tag"),
        (("update_fields", "--all", "--param", "set.town=Oslo"), "could be updated. There are"),
        (("no_such", "--all"), "no action “no_such”"),
        (("undo", "--all"), "massadmin runs undo ID"),
        (("import", "--all"), "massadmin import MODULE FILE"),
        (("add_tags", "-f", "city:is:Atlantis", "--param", "tags=x"), "Nothing is selected"),
        (("update_fields", "--all", "--param", "set.email=not an address"), "no e-mail address"),
        (("add_tags", "--all", "--param", "tags=x", "--as", "nobody@example.com"), "no user"),
        (("delete", "--all", "--param", "confirm=DELETE", "--as", "member@example.com"), "role"),
        (
            ("add_tags", "--all", "--param", "tags=x", "--param", "tag=y"),
            "add_tags has no setting “tag”; it takes tags",
        ),
        (
            ("update_fields", "--all", "--param", "set.city=x", "--param", "get.city=y"),
            "it takes set.FIELD, clear, copy.FIELD",
        ),
        (("update_fields", "--all", "--param", "set.=x"), "no setting “set.”"),
        (("export", "--param", "colums=email"), "it takes columns, format, bom"),
        (("export", "--param", "format=doc"), "“doc” is none of csv, xlsx"),
        (("export", "--param", "bom=perhaps"), "bom='perhaps' takes yes or no"),
        (("export", "--output", "/no/such/folder/out.csv"), "no file can be made in /no/such"),
        (
            ("add_tags", "-f", "owner_id:is_not:nobody@example.com", "--param", "tags=x"),
            "no user 'nobody@example.com'",
        ),
    ],
)
def test_what_is_refused_changes_nothing(shell: Shell, words: tuple[str, ...], reason: str) -> None:
    a_user("member")
    some_contacts(2)
    assert reason in shell.refused(*RUN, *words)
    assert db.session.get(Run, 1) is None


def test_an_unknown_module_is_refused(shell: Shell) -> None:
    assert "no module “nosuch”" in shell.refused("run", "add_tags", "--module", "nosuch", "--all")


@pytest.mark.parametrize(
    "words",
    [
        ("add_tags", "-f", "city"),
        ("add_tags", "--ids", "1,x"),
        ("add_tags", "--ids", "1", "-f", "city:is:Oslo"),
        ("add_tags", "--all", "--param", "tags"),
        ("add_tags", "--all", "--output", "file.csv", "--param", "tags=x"),
        ("export", "--output", ""),
        ("add_tags", "--all", "--run", "1", "--param", "tags=x"),
        ("add_tags", "--all", "-f", "city:is:Oslo", "--param", "tags=x"),
        ("restore", "--run", "99999999999999999999"),
        ("add_tags", "-f", "city:is:\udcff", "--param", "tags=x"),
        ("add_tags", "--nonsense"),
        (),
    ],
)
def test_wrong_usage_is_status_2(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell(*RUN, *words)
    assert (said.status, said.out) == (2, "")
    assert "Error:" in said.err


def test_ids_that_nobody_has_are_mentioned(shell: Shell) -> None:
    (known,) = some_contacts(1)
    said = shell(*RUN, "add_tags", "--ids", f"{known},998,999", "--param", "tags=x", "--wait")
    assert said.status == 0
    assert "Not among the contacts: 2 of 3 ids." in said.err


def test_a_run_is_its_users_and_reaches_what_they_may_see(shell: Shell, admin: User) -> None:
    member = a_user("member")
    mine = some_contacts(2, owner_id=member.id)
    some_contacts(3, owner_id=admin.id)
    said = shell.json(
        *RUN, "add_tags", "--all", "--param", "tags=mine", "--as", member.email, "--wait"
    )
    assert (said["total"], said["succeeded"]) == (2, 2)
    assert tags_of(mine[0]) == ["mine"]
    assert db.session.get_one(Run, 1).user_id == member.id


def test_who_was_deactivated_does_nothing(shell: Shell) -> None:
    a_user("manager", active=False)
    some_contacts(1)
    refused = shell.refused(
        *RUN, "add_tags", "--all", "--param", "tags=x", "--as", "manager@example.com"
    )
    assert refused == "manager@example.com is deactivated"


def test_a_paused_run_ends_the_waiting(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    some_contacts(300)
    from massadmin.cli import waiting

    def pause_first(run_id: int) -> bool:
        assert shell("runs", "pause", run_id).status == 0
        return True

    monkeypatch.setattr(waiting, "_worked", pause_first)
    said = shell(*RUN, "add_tags", "--all", "--param", "tags=x", "--wait", "--json")
    assert (said.status, said.json["state"]) == (1, "paused")
    assert said.err == (
        "massadmin: run 1 is paused: Stands still until somebody resumes it."
        " `massadmin runs resume 1 --wait` goes on.\n"
    )


def test_ctrl_c_ends_the_waiting_and_not_the_run(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_contacts(300)
    from massadmin.cli import waiting
    from massadmin.runs.execute import work_once

    def interrupted(run_id: int) -> bool:
        work_once(run_id)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(waiting, "_worked", interrupted)
        said = shell(
            *RUN, "add_tags", "--all", "--param", "tags=x", "--wait", MASSADMIN_CHUNK_SIZE="100"
        )
    assert said.status == 130
    assert "nothing is lost: `massadmin runs show 1 --wait` goes on" in said.err
    told = shell.json("runs", "show", 1, "--wait")
    assert (told["state"], told["succeeded"]) == ("completed", 300)


def test_an_installation_without_users_gets_its_first_admin(shell: Shell, tmp_path: Path) -> None:
    db.session.execute(text("DELETE FROM users"))
    db.session.commit()
    some_contacts(1)
    said = shell(
        *RUN, "add_tags", "--all", "--param", "tags=x", "--wait", "--json",
        MASSADMIN_DATA_DIR=str(tmp_path / "data"),
    )  # fmt: skip
    assert (said.status, said.json["succeeded"]) == (0, 1)
    path = tmp_path / "data" / FILE
    assert str(path) in said.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ADMIN in path.read_text()
