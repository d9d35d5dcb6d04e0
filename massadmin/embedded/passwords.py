"""The first passwords of an installation: made for it alone, kept for its owner's eyes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from massadmin.embedded.private import private_dir

ADMIN = "admin@massadmin.example"
FILE = "passwords.txt"


def keep_passwords(data_dir: Path, accounts: Iterable[tuple[str, str, str]]) -> Path:
    """Write (e-mail, password, role) of each account to a file of mode 0600; its path."""
    path = private_dir(data_dir) / FILE
    draft = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
    lines = [
        "The first passwords of this installation, made for it alone.",
        "Change them under Settings, then delete this file.",
        "",
        *(f"{email:<28}{password}   {role}" for email, password, role in accounts),
    ]
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path


def how_to_sign_in(data_dir: Path) -> str:
    """A line about the passwords that were made here; empty when there are none."""
    path = data_dir / FILE
    return f"Sign in as {ADMIN}; the password is in {path}" if path.is_file() else ""
