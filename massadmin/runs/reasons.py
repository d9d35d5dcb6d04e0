"""Reasons of results, counted: those that differ only in the number at their end, such as the line
of a file, count as one. Else each duplicate of a long file would be a reason of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, or_

from massadmin.runs.models import RunResult

_NUMBER = "0123456789,"
# Stands for the number where there are several.
_ANY = "…"


def kind() -> ColumnElement[str]:
    """What reasons that count as one have in common."""
    return func.rtrim(RunResult.reason, _NUMBER)


def named(least: str, most: str) -> str:
    """What a kind is called whose reasons lie between these two."""
    return least if least == most else least.rstrip(_NUMBER) + _ANY


def is_reason(name: str) -> ColumnElement[bool]:
    """The clause that selects the results with this reason, or with those that are called so."""
    exact = RunResult.reason == name
    return or_(exact, kind() == name.removesuffix(_ANY)) if name.endswith(_ANY) else exact


def counted(found: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """(outcome, reason, count) of these outcomes and reasons, most frequent first."""
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for outcome, reason in found:
        if reason:
            kinds.setdefault((outcome, reason.rstrip(_NUMBER)), Counter())[reason] += 1
    told = [
        (outcome, named(min(reasons), max(reasons)), reasons.total())
        for (outcome, _), reasons in kinds.items()
    ]
    return sorted(told, key=lambda each: -each[2])
