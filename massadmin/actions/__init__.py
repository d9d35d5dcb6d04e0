"""The actions, one file each. `load` finds them; adding a file here adds an action."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
from importlib.metadata import entry_points

from massadmin.runs.action import REGISTRY, Action, register

log = logging.getLogger(__name__)

ENTRY_POINTS = "massadmin.actions"


def load() -> dict[str, Action]:
    """Register every action of this package, then those that installed packages offer.

    An offered action that cannot be loaded, or that would replace another, is left out with a
    line in the log: somebody else's mistake must not stop the console.
    """
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for each in vars(module).values():
            if _is_action(each) and each.__module__ == module.__name__:
                register(each())
    for point in entry_points(group=ENTRY_POINTS):
        try:
            action = point.load()
            if not _is_action(action) or not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", action.key):
                raise TypeError("it is no Action class with a plain key")
            register(action())
        except Exception as error:
            log.warning("The action %r of %r is left out: %s", point.name, point.value, error)
    return REGISTRY


def _is_action(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Action) and "key" in vars(value)
