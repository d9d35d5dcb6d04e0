"""`massadmin import`: one object, an exit status, and the rows to look at again."""

from __future__ import annotations

import csv
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.extensions import db
from tests.cli.conftest import Shell
from tests.factories import contact, tags_of

pytestmark = pytest.mark.usefixtures("admin")
PEOPLE = """\
E-mail,First name,Last name,City,Phone
ada@example.com,Ada,Lovelace,London,
bjørn@example.com,Bjørn,Ødegård,Tromsø,+4777612345
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a file of two people."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(PEOPLE)
    return tmp_path


def test_a_file_is_imported_in_one_go(shell: Shell, here: Path) -> None:
    said = shell.json("import", "contacts", "people.csv", "--match", "email")
    assert said == {
        "rows": 2, "created": 2, "updated": 0, "skipped": 0, "failed": 0,
        "errors_file": None, "run": 1,
    }  # fmt: skip
    assert (contact(2).first_name, contact(2).city) == ("Bjørn", "Tromsø")
    assert list(here.glob("*.errors.csv")) == []


@pytest.mark.parametrize(
    ("choices", "counts"),
    [
        (("--on-match", "update"), (1, 1, 0)),
        (("--on-match", "skip"), (1, 0, 1)),
        (("--on-match", "create"), (2, 0, 0)),
        (("--on-match", "update", "--no-create"), (0, 1, 1)),
    ],
)
def test_rows_that_match_are_treated_as_asked(
    shell: Shell, here: Path, choices: tuple[str, ...], counts: tuple[int, int, int]
) -> None:
    db.session.execute(text("INSERT INTO contacts (email) VALUES ('ada@example.com')"))
    db.session.commit()
    said = shell.json("import", "contacts", "people.csv", "--match", "email", *choices)
    assert (said["created"], said["updated"], said["skipped"]) == counts


def test_failed_rows_are_written_beside_with_line_and_reason(shell: Shell, here: Path) -> None:
    (here / "people.csv").write_text(PEOPLE + "not an address,Eve,,,\n")
    said = shell.json("import", "contacts", "people.csv", "--match", "email", status=3)
    assert (said["rows"], said["created"], said["failed"]) == (3, 2, 1)
    assert said["errors_file"] == "people.errors.csv"
    with (here / "people.errors.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    assert head == ["E-mail", "First name", "Last name", "City", "Phone", "line", "reason"]
    assert row[:6] == ["not an address", "Eve", "", "", "", "4"]
    elsewhere = here / "elsewhere.csv"
    told = shell.json(
        "import", "contacts", "people.csv", "--match", "email", "--errors", elsewhere, status=3
    )
    assert told["errors_file"] == str(elsewhere)
    assert elsewhere.exists()


def test_columns_are_mapped_by_hand_and_numbers_by_country(shell: Shell, here: Path) -> None:
    (here / "odd.tsv").write_text("Kontakt\tRing\nada@example.com\t21 23 45 67\n")
    said = shell.json(
        "import", "contacts", "odd.tsv", "--map", "Kontakt=email", "--map", "Ring=phone",
        "--country", "NO", "--tags", "fair,2026",
    )  # fmt: skip
    assert said["created"] == 1
    assert contact(1).phone == "+4721234567"
    assert tags_of(1) == ["2026", "fair"]


def test_a_file_without_a_header_says_so(shell: Shell, here: Path) -> None:
    (here / "bare.csv").write_text("ada@example.com,Ada\nbob@example.com,Bob\n")
    said = shell.json(
        "import", "contacts", "bare.csv", "--no-header", "--map", "#1=email",
        "--map", "#2=first_name",
    )  # fmt: skip
    assert (said["rows"], said["created"]) == (2, 2)
    assert contact(1).first_name == "Ada"


def test_a_file_can_come_out_of_a_pipe(shell: Shell, here: Path) -> None:
    os.mkfifo(here / "pipe")
    with ThreadPoolExecutor(1) as writer:
        writer.submit((here / "pipe").write_text, PEOPLE)
        assert shell.json("import", "contacts", "pipe")["created"] == 2


def test_a_dry_run_imports_nothing(shell: Shell, here: Path) -> None:
    told = shell.json("import", "contacts", "people.csv", "--dry-run")
    assert (told["total"], told["succeeded"]) == (2, 2)
    assert shell.json("count", "contacts") == {"count": 0}


def test_a_file_without_rows_is_done_at_once(shell: Shell, here: Path) -> None:
    (here / "empty.csv").write_text("E-mail,First name\n")
    said = shell.json("import", "contacts", "empty.csv")
    assert (said["rows"], said["run"]) == (0, None)


def test_what_cannot_be_imported_is_refused_in_a_line(shell: Shell, here: Path) -> None:
    (here / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    assert shell.refused("import", "contacts", "picture.csv")
    assert "Nope" in shell.refused("import", "contacts", "people.csv", "--map", "Nope=email")
    assert "no module" in shell.refused("import", "nosuch", "people.csv")
    assert "country" in shell.refused("import", "contacts", "people.csv", "--country", "Atlantis")
    assert "no sheet" in shell.refused("import", "contacts", "people.csv", "--sheet", "Leads")
    assert shell("import", "contacts", "absent.csv").status == 2
    assert shell("import", "contacts", "people.csv", "--match", "shoe size").status == 2
    assert shell.json("count", "contacts") == {"count": 0}


def test_a_field_to_match_by_must_be_in_the_file(shell: Shell, here: Path) -> None:
    """Every row would become a new record, which is not what was asked for."""
    (here / "people.csv").write_text("E-mail,City\na@example.com,Oslo\n")
    refused = shell.refused("import", "contacts", "people.csv", "--match", "phone")
    assert "no column is mapped to Phone" in refused
    assert "--match none" in refused
    said = shell.json("import", "contacts", "people.csv", "--match", "none")
    assert said["created"] == 1


def test_who_may_not_import_is_refused(shell: Shell, here: Path, admin: User) -> None:
    shell(
        "user", "add", "lead@example.com", "--role", "support_lead", "--password-stdin",
        stdin="some long passphrase",
    )  # fmt: skip
    assert "role" in shell.refused("import", "contacts", "people.csv", "--as", "lead@example.com")
