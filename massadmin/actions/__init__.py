"""The actions, one file each. `load` finds them; adding a file here adds an action."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
from importlib.metadata import entry_points

import lucide

from massadmin.auth.permissions import known
from massadmin.records.modules import MODULES
from massadmin.runs.action import REGISTRY, Action, ActionForm, register

log = logging.getLogger(__name__)

ENTRY_POINTS = "massadmin.actions"
MOST_LABEL = 60
# Of what a package says about itself, in one line of the log.
MOST_SAID = 300


def load() -> dict[str, Action]:
    """Register every action of this package, then those that installed packages offer.

    An offered action that cannot be loaded, that would break pages or that would replace another
    is left out with a line in the log: somebody else's mistake must not stop the console.
    """
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for each in vars(module).values():
            if _is_action(each) and each.__module__ == module.__name__:
                register(each())
    for point in entry_points(group=ENTRY_POINTS):
        try:
            offered = point.load()
            if not _is_action(offered):
                raise TypeError("it is no class derived from Action that has a key")
            if fault := _fault(action := offered()):
                raise ValueError(fault)
            register(action)
        except (Exception, SystemExit) as error:
            what, name = f"{type(error).__name__}: {error}"[:MOST_SAID], point.name[:MOST_SAID]
            log.warning("The action %r of %r is left out: %s", name, point.value[:MOST_SAID], what)
    return REGISTRY


def _fault(action: Action) -> str:
    """What would break pages that show the action among others; nothing when it is well made."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", action.key):
        return "its key is not made of a few small letters, digits and underscores"
    label = getattr(action, "label", None)
    if not isinstance(label, str) or not label.isprintable() or not 0 < len(label) <= MOST_LABEL:
        return f"its label is no text of at most {MOST_LABEL} printable characters"
    unknown = set(action.modules) - set(MODULES)
    if unknown or not action.modules:
        return f"it is for modules that are not there: {sorted(unknown)}"
    verb = getattr(action, "permission", None)
    if not all(known(f"{module}.{verb}") for module in action.modules):
        return f"nobody could be permitted to use it: {verb!r}"
    form = getattr(action, "Form", None)
    if not (isinstance(form, type) and issubclass(form, ActionForm)):
        return "its Form is not derived from ActionForm"
    try:
        lucide._load_icon(getattr(action, "icon", None))
    except lucide.IconDoesNotExist as error:
        return str(error)
    return ""


def _is_action(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Action) and "key" in vars(value)
