"""The floors of the house: imports go downward only."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
# A package may import from those before it in its own line, and from itself.
FLOORS = {
    "ground": ("config", "connecting", "extensions", "giving_way", "logs", "paths", "schema"),
    "embedded": ("ground",),
    "tabular": ("ground",),
    "auth": ("ground",),
    "records": ("ground", "auth"),
    "runs": ("ground", "auth", "records"),
    "imports": ("ground", "tabular", "auth", "records", "runs"),
    "exports": ("ground", "tabular", "auth", "records", "runs"),
    "actions": ("ground", "tabular", "auth", "records", "runs", "imports", "exports"),
    "web": ("ground", "tabular", "auth", "records", "runs", "imports", "exports", "actions"),
}
FREE = ("massadmin/__init__.py", "massadmin/cli/", "massadmin/demo.py", "massadmin/doctor/")


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def floor_of(dotted: str) -> str:
    part = dotted.split(".")[1]
    return "ground" if part in FLOORS["ground"] else part


def test_imports_go_downward_only() -> None:
    wrong = []
    for path in sorted((ROOT / "massadmin").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(FREE):
            continue
        own = floor_of(name.removesuffix(".py").replace("/", "."))
        allowed = {own, *FLOORS.get(own, ())} if own != "ground" else {"ground"}
        for dotted in imports_of(path):
            if dotted.startswith("massadmin.") and floor_of(dotted) not in allowed:
                wrong.append(f"{name} imports {dotted}")
    assert wrong == []


def test_only_dispatch_knows_the_queue_and_actions_know_no_web() -> None:
    wrong = []
    for path in sorted((ROOT / "massadmin").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        roots = {dotted.split(".")[0] for dotted in imports_of(path)}
        if "rq" in roots and name != "massadmin/runs/dispatch.py":
            wrong.append(f"{name} imports rq")
        if "flask" in roots and name.startswith("massadmin/actions/"):
            wrong.append(f"{name} imports flask")
    assert wrong == []


def test_the_top_level_holds_nothing_else() -> None:
    known = {
        "app.py", "pyproject.toml", "massadmin", "templates", "static", "migrations", "tests",
        "bench", "README.md", "CHANGELOG.md", "LICENSE", "Makefile",
    }  # fmt: skip
    made = {"instance", "dist", "build", "screenshots"}
    found = {each.name for each in ROOT.iterdir() if not each.name.startswith(".")}
    assert found - made <= known
