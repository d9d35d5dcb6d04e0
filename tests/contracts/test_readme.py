"""README tells of everything there is, and of nothing else."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

from massadmin.config import Settings

README = Path(__file__).resolve().parents[2] / "README.md"
MARKS = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def settings_table() -> str:
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for each in fields(Settings):
        default = each.default
        shown = (
            ""
            if default in (None, "")
            else str(int(default) if default is True or (default is False) else default)
        )
        rows.append(
            f"| `{each.metadata['env']}` | {f'`{shown}`' if shown else '–'} "
            f"| {each.metadata['help']} |"
        )
    return "\n".join(rows) + "\n"


def test_every_setting_is_told() -> None:
    """Run this file to write the table anew."""
    found = MARKS.search(README.read_text())
    assert found is not None
    assert found.group(0) == f"{found.group(1)}{settings_table()}{found.group(2)}"


def test_its_pictures_exist() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README.read_text()):
        assert (README.parent / path).is_file(), path


def test_its_folders_exist() -> None:
    for name in re.findall(r"^\| `([a-z]+)/`", README.read_text(), re.MULTILINE):
        assert (README.parent / "massadmin" / name / "__init__.py").is_file(), name


if __name__ == "__main__":
    README.write_text(
        MARKS.sub(
            lambda found: found.group(1) + settings_table() + found.group(2), README.read_text()
        )
    )
    sys.stdout.write("README.md has the table of settings.\n")
