"""`massadmin user`: who may sign in, and as what."""

from __future__ import annotations

import sys
from typing import TextIO, cast

import click

from massadmin.auth import people
from massadmin.auth.models import User
from massadmin.auth.permissions import ROLES
from massadmin.cli.console import console, known_user
from massadmin.cli.options import json_option
from massadmin.cli.output import print_json, print_table
from massadmin.extensions import db


@click.group()
def user() -> None:
    """Add and change users."""


@user.command()
@click.argument("email")
@click.option("--role", type=click.Choice(list(ROLES)), required=True)
@click.option("--name", default="", help="[default: what stands before the @]")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def add(email: str, role: str, name: str, password_stdin: bool, as_json: bool) -> None:
    """Add a user, with a password from standard input or typed twice."""
    password = _password(password_stdin)
    with console():
        added = people.create_user(email, password, role=role, name=name)
        db.session.commit()
        _print(added, as_json, f"Added {added.email} ({ROLES[role]})")


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the users, the active ones first."""
    with console():
        everybody = people.everybody()
        if as_json:
            print_json({"users": [_object(each) for each in everybody]})
            return
        print_table(
            ("email", "name", "role", "", "last seen"),
            [
                (
                    each.email,
                    each.name,
                    each.role,
                    "" if each.active else "deactivated",
                    each.last_seen_at,
                )
                for each in everybody
            ],
        )


@user.command()
@click.argument("email")
@click.argument("role", type=click.Choice(list(ROLES)))
@json_option
def role(email: str, role: str, as_json: bool) -> None:
    """Give a user another role."""
    with console():
        changed = known_user(email)
        people.set_role(changed, role)
        db.session.commit()
        _print(changed, as_json, f"{changed.email} is {ROLES[role]} now")


@user.command()
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def password(email: str, password_stdin: bool, as_json: bool) -> None:
    """Give a user another password, and end their sessions."""
    new = _password(password_stdin)
    with console():
        changed = known_user(email)
        people.set_password(changed, new)
        db.session.commit()
        _print(changed, as_json, f"{changed.email} has a new password")


@user.command()
@click.argument("email")
@json_option
def deactivate(email: str, as_json: bool) -> None:
    """Shut a user out and end their sessions; what they did stays theirs."""
    _set_active(email, False, as_json)


@user.command()
@click.argument("email")
@json_option
def activate(email: str, as_json: bool) -> None:
    """Let a deactivated user in again."""
    _set_active(email, True, as_json)


def _set_active(email: str, active: bool, as_json: bool) -> None:
    with console():
        changed = known_user(email)
        people.set_active(changed, active)
        db.session.commit()
        _print(changed, as_json, f"{changed.email} is {'active' if active else 'deactivated'} now")


def _password(from_stdin: bool) -> str:
    # A shell can close standard input; Python has none then.
    given = cast("TextIO | None", sys.stdin)
    if from_stdin and given is not None:
        # A password may end in spaces, but not in the line break that `echo` adds.
        return given.readline().rstrip("\r\n")
    if from_stdin:
        raise click.UsageError("Standard input is closed, so no password can be read from it.")
    if given is None or not given.isatty():
        raise click.UsageError("There is no terminal to ask for the password; --password-stdin.")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _print(user: User, as_json: bool, words: str) -> None:
    print_json(_object(user)) if as_json else click.echo(words)


def _object(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "active": user.active,
    }
