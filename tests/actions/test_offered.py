"""Actions that installed packages offer: a bad one is left out and told, and stops nothing."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from massadmin import actions
from massadmin.actions.delete import Delete
from massadmin.runs.action import REGISTRY, Action
from tests.web.conftest import SignIn, signed_in

__all__ = ["signed_in"]

MODULE = "offered_actions"


class Good(Action):
    """Does nothing much."""

    key, label, icon, permission = "good", "Be good", "circle", "edit"


class Raises(Good):
    """Cannot be made."""

    key = "raises"

    def __init__(self) -> None:
        raise RuntimeError("first line\n2031-01-01T00:00:00.000Z info forged " + "x" * 10_000)


def like_good(**changes: Any) -> type[Action]:
    """A class as `Good`, but for `changes`."""
    return type("Offered", (Good,), {"key": "offered", **changes})


BAD: dict[str, object] = {
    "raises": Raises,
    "shadows": like_good(key="delete"),
    "no plain key": like_good(key="<b>"),
    "a path for a key": like_good(key="../delete"),
    "a long key": like_good(key="k" * 100),
    "no text for a key": like_good(key=7),
    "no label": like_good(label=""),
    "a label of two lines": like_good(label="Be\ngood"),
    "a label that turns the line": like_good(label="Be \u202edoog"),
    "an endless label": like_good(label="x" * 10_000),
    "no icon of this name": like_good(icon="nothing-like-it"),
    "a path for an icon": like_good(icon="../x"),
    "no permission": like_good(permission=None),
    "an unknown permission": like_good(permission="everything"),
    "an unknown module": like_good(modules=("planets",)),
    "no module": like_good(modules=()),
    "no form": like_good(Form=dict),
    "no action": dict,
    "no class": Good(),
    "nothing": None,
}


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`offer({name: object})`: what packages offer from now on. The registry is put back."""
    module, kept = ModuleType(MODULE), dict(REGISTRY)
    monkeypatch.setitem(sys.modules, MODULE, module)

    def offer(things: dict[str, object]) -> None:
        points = []
        for number, (name, thing) in enumerate(things.items()):
            setattr(module, f"thing{number}", thing)
            points.append(EntryPoint(name, f"{MODULE}:thing{number}", actions.ENTRY_POINTS))
        monkeypatch.setattr(actions, "entry_points", lambda group: points)

    yield offer
    REGISTRY.clear()
    REGISTRY.update(kept)


@pytest.mark.parametrize("what", BAD)
def test_a_bad_one_is_left_out_and_told_in_a_line(
    offer: Any, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    actions.load()
    built_in = dict(REGISTRY)
    offer({what: BAD[what], "good": Good})
    with caplog.at_level(logging.WARNING, "massadmin"):
        found = actions.load()
    assert set(found) == {*built_in, "good"}
    assert type(found["delete"]) is Delete
    [said] = [each.getMessage() for each in caplog.records]
    assert said.startswith(f"The action {what!r} of '{MODULE}:thing0' is left out: ")
    assert len(said) < 1_000


@pytest.mark.parametrize("value", ["no_such_package:Thing", "os:no_such_name", "not a value", ""])
def test_one_that_cannot_be_loaded_is_left_out(
    offer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    point = EntryPoint("evil\x1b[2J\nname", value, actions.ENTRY_POINTS)
    monkeypatch.setattr(actions, "entry_points", lambda group: [point])
    assert "delete" in actions.load()
    [said] = [each.getMessage() for each in caplog.records]
    assert "is left out: " in said
    assert "\x1b" not in said
    assert "\n" not in said.partition("is left out")[0]


def test_one_that_ends_the_program_ends_nothing(
    offer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Leaves:
        name, value = "leaves", "somewhere"

        def load(self) -> object:
            raise SystemExit("bye")

    monkeypatch.setattr(actions, "entry_points", lambda group: [Leaves()])
    assert "delete" in actions.load()


def test_html_in_a_label_is_text(offer: Any, signed_in: SignIn) -> None:
    offer({"good": like_good(label='<img src=x hx-get="/x">')})
    actions.load()
    page = signed_in().get("/contacts/selection?selection=0").text
    page += signed_in("manager").get("/runs").text
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page
