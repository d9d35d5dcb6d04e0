"""`massadmin user`: adding and changing users."""

from __future__ import annotations

import click
import pytest

from massadmin.auth import passwords, people, sign_in
from massadmin.auth.models import User
from massadmin.cli.people import user
from tests.cli.conftest import Shell

PASSWORD = "a horse, a battery, a staple"


def test_a_user_who_was_added_can_sign_in(shell: Shell) -> None:
    said = shell(
        "user", "add", "Ada@Example.com", "--role", "admin", "--name", "Ada Lovelace",
        "--password-stdin", "--json", stdin=f"{PASSWORD}\n",
    )  # fmt: skip
    assert said.status == 0
    assert said.json == {
        "id": 1, "email": "ada@example.com", "name": "Ada Lovelace", "role": "admin",
        "active": True,
    }  # fmt: skip
    assert sign_in.check("ada@example.com", PASSWORD) is not None
    assert PASSWORD not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "stdin", "reason"),
    [
        (("ada", "--role", "admin"), PASSWORD, "not an e-mail address"),
        (("ada@example.com", "--role", "admin"), "short", "at least"),
        (("ada@example.com", "--role", "admin"), "", "at least"),
        (("admin@example.com", "--role", "admin"), PASSWORD, "already a user"),
    ],
)
def test_a_user_who_cannot_be_added_is_refused(
    shell: Shell, admin: User, words: tuple[str, ...], stdin: str, reason: str
) -> None:
    said = shell("user", "add", *words, "--password-stdin", stdin=stdin)
    assert said.status == 1
    assert reason in said.err
    assert len(people.everybody()) == 1


def test_without_a_terminal_the_password_must_come_from_standard_input(shell: Shell) -> None:
    said = shell("user", "add", "ada@example.com", "--role", "admin")
    assert said.status == 2
    assert "--password-stdin" in said.err
    assert shell("user", "add", "ada@example.com", "--role", "king").status == 2


def test_a_standard_input_that_is_closed_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    for words in (["--password-stdin"], []):
        with pytest.raises(click.UsageError):
            user.main(["password", "ada@example.com", *words], standalone_mode=False)


def test_users_are_listed_and_changed(shell: Shell, admin: User) -> None:
    shell("user", "add", "ada@example.com", "--role", "member", "--password-stdin", stdin=PASSWORD)
    assert shell.json("user", "role", "ada@example.com", "manager")["role"] == "manager"
    assert shell.json("user", "deactivate", "ada@example.com")["active"] is False
    everybody = shell.json("user", "list")["users"]
    assert [(each["email"], each["active"]) for each in everybody] == [
        (admin.email, True),
        ("ada@example.com", False),
    ]
    assert shell.json("user", "activate", "ada@example.com")["active"] is True
    new = shell(
        "user", "password", "ada@example.com", "--password-stdin", stdin=passwords.generate()
    )
    assert new.status == 0
    assert sign_in.check("ada@example.com", PASSWORD) is None
    assert "deactivated" not in shell("user", "list").out


def test_the_last_admin_stays(shell: Shell, admin: User) -> None:
    assert "last admin" in shell.refused("user", "role", admin.email, "member")
    assert "last admin" in shell.refused("user", "deactivate", admin.email)
    assert "no user" in shell.refused("user", "role", "nobody@example.com", "member")
