"""Filter tokens: each condition of a list in words, as the filter bar shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from massadmin.records.fields import Field
from massadmin.records.filters import MAX_CONDITIONS, OPERATORS, Condition
from massadmin.records.modules import Module, UnknownField

# Where a token or a menu reads better with other words than a sentence does.
OPERATOR_WORDS = {
    **OPERATORS,
    "within_days": "within the last",
    "older_days": "longer ago than",
    "one_of": "is any of",
}


@dataclass(frozen=True)
class Token:
    """One condition in words; `place` is where it stands among them."""

    place: int
    label: str
    op: str
    value: str


def tokens(
    module: Module, conditions: Iterable[Condition], names: Mapping[int, str]
) -> list[Token]:
    """The conditions in words, unknown fields and operators as they were written, and no more of
    them than may be combined; `names` are people by id."""
    # Each leads to the list without it, so a page of very many grows with their square.
    shown = islice(conditions, MAX_CONDITIONS)
    return [_token(module, place, each, names) for place, each in enumerate(shown)]


def _token(module: Module, place: int, condition: Condition, names: Mapping[int, str]) -> Token:
    op = OPERATOR_WORDS.get(condition.op, condition.op)
    try:
        field = module.field(condition.field)
    except UnknownField:
        return Token(place, condition.field, op, condition.value)
    return Token(place, field.label, op, _value(field, condition, names))


def _value(field: Field, condition: Condition, names: Mapping[int, str]) -> str:
    value = condition.value
    match condition.op:
        case "empty" | "not_empty":
            return ""
        case "within_days" | "older_days":
            return f"{value} {'day' if value == '1' else 'days'}"
        case "between":
            return value.replace("..", " and ", 1)
    parts = value.split("|") if condition.op in ("one_of", "has", "has_not") else [value]
    if field.type == "user":
        by_id = {str(key): name for key, name in names.items()}
        parts = [by_id.get(part.strip(), part) for part in parts]
    return " or ".join(part for part in parts if part)
