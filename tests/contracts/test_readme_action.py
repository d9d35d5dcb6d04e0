"""An action added by following README alone, in a copy of the project, keeps every rule."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("massadmin", "templates", "static", "migrations", "tests", "README.md", "pyproject.toml")
ROW = "| `add_tags` |"


def test_the_example_of_an_action_passes_what_every_action_must(tmp_path: Path) -> None:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / part)
    readme = (ROOT / "README.md").read_text()
    example = re.search(r"```python\n(.+?)```", readme, re.DOTALL)
    assert example is not None
    key = re.search(r'= "(\w+)", "Mark as customer"', example[1])
    assert key is not None
    # The file, and what the contracts are said to ask for: a row in the table, a test of its own.
    (tmp_path / "massadmin" / "actions" / f"{key[1]}.py").write_text(example[1])
    row = f"| `{key[1]}` | sets the status | puts it back |\n{ROW}"
    (tmp_path / "README.md").write_text(readme.replace(ROW, row, 1))
    (tmp_path / "tests" / "actions" / f"test_{key[1]}.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist",
         f"--basetemp={tmp_path / 'base'}", "tests/contracts/test_actions.py", "-k", key[1]],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= 7
