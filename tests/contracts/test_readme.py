"""README tells of everything there is, and of nothing else."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

from massadmin.actions import load
from massadmin.cli.run import ELSEWHERE
from massadmin.config import Settings
from massadmin.runs.action import REGISTRY

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


def test_it_shows_each_of_its_pictures() -> None:
    shown = set(re.findall(r'(?:src|srcset)="([^"]+)"', README.read_text()))
    pictures = README.parent / ".github" / "screenshots"
    assert shown == {f".github/screenshots/{each.name}" for each in pictures.iterdir()}


def test_its_folders_exist() -> None:
    for name in re.findall(r"^\| `([a-z]+)/`", README.read_text(), re.MULTILINE):
        assert (README.parent / "massadmin" / name / "__init__.py").is_file(), name


def test_every_setting_of_an_action_is_told_to_those_who_write_scripts() -> None:
    load()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|$", README.read_text(), re.MULTILINE)
    told = {key: set(re.findall(r"`([\w.]+)=", words)) for key, words in rows if "=" in words}
    takes = {
        key: set(action.setting_names(action.Form()))
        for key, action in REGISTRY.items()
        if key not in ELSEWHERE
    }
    assert told == {key: names for key, names in takes.items() if names}


if __name__ == "__main__":
    README.write_text(
        MARKS.sub(
            lambda found: found.group(1) + settings_table() + found.group(2), README.read_text()
        )
    )
    sys.stdout.write("README.md has the table of settings.\n")
