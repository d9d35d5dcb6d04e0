"""“Add filter”: a small form whose operators and values follow the type of the field."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from massadmin.extensions import db
from massadmin.records.fields import Field
from massadmin.records.filters import OPERATORS_BY_TYPE, VALUELESS, Condition
from massadmin.records.modules import Module, UnknownField
from massadmin.records.tags import Tag
from massadmin.records.values import whole_number
from massadmin.web.records.people import user_names
from massadmin.web.records.tokens import OPERATOR_WORDS
from massadmin.web.records.view import ListView
from massadmin.web.suggestions import suggestions

SUGGESTED = 300


@dataclass
class FilterForm:
    """The form as it stands: a field, an operator, and the texts of its value.

    `place` is which condition is being changed, None when one is added.
    """

    module: Module
    field: Field
    op: str
    values: list[str] = dataclasses.field(default_factory=list)
    place: int | None = None
    error: str = ""

    @classmethod
    def blank(cls, module: Module) -> FilterForm:
        """The form before anything is chosen."""
        first = module.fields[0]
        return cls(module, first, OPERATORS_BY_TYPE[first.type][0])

    @classmethod
    def read(cls, view: ListView) -> FilterForm:
        """The form as the address has it: being filled in, or opened on a condition."""
        args, module = view.args, view.module
        at = whole_number(args.get("edit", ""), len(view.conditions) - 1)
        if at is not None and "field" not in args:
            condition = view.conditions[at]
            found = cls._of(module, condition.field, condition.op)
            found.values = _parts(condition)
        else:
            found = cls._of(module, args.get("field", ""), args.get("op", ""))
            found.values = args.getlist("value")
            before = cls._of(module, args.get("was", found.field.key), "")
            # A value of another kind of field says nothing about this one.
            if before.field.type != found.field.type:
                found.values = []
        found.place = at
        return found

    @classmethod
    def _of(cls, module: Module, key: str, op: str) -> FilterForm:
        try:
            chosen = module.field(key)
        except UnknownField:
            chosen = module.fields[0]
        fitting = OPERATORS_BY_TYPE[chosen.type]
        return cls(module, chosen, op if op in fitting else fitting[0])

    @property
    def operators(self) -> list[tuple[str, str]]:
        """The operators that the field takes, with their words."""
        return [(op, OPERATOR_WORDS[op]) for op in OPERATORS_BY_TYPE[self.field.type]]

    @property
    def control(self) -> str:
        """What the value is entered with."""
        if self.op in VALUELESS:
            return "none"
        if self.op in ("within_days", "older_days"):
            return "days"
        kind = self.field.type
        if self.op == "one_of":
            return "checks" if kind in ("choice", "user") and self.options else "lines"
        if self.op == "between":
            return "two"
        if kind in ("choice", "user", "boolean") and self.op in ("is", "is_not"):
            return "open" if kind == "choice" and self.field.open_choices else "select"
        if kind in ("country", "time_zone") and self.op in ("is", "is_not"):
            return "open"
        return "tag" if kind == "tags" else "one"

    @property
    def input_type(self) -> str:
        """The type of a plain input."""
        return {"date": "date", "datetime": "date"}.get(self.field.type, "text")

    @property
    def options(self) -> list[tuple[str, str]]:
        """What can be chosen, as value and label."""
        match self.field.type:
            case "user":
                people = [(str(key), name) for key, name in user_names(active=True).items()]
                return [("me", "Me"), *people]
            case "boolean":
                return [("yes", "Yes"), ("no", "No")]
            case "tags":
                names = select(Tag.name).order_by(func.lower(Tag.name)).limit(SUGGESTED)
                return [(name, name) for name in db.session.scalars(names)]
        return list(suggestions(self.field))

    @property
    def condition(self) -> Condition:
        """The condition that the form describes."""
        return Condition(self.field.key, self.op, _joined(self.op, self.values))

    def value(self, at: int = 0) -> str:
        """One of the texts, or nothing."""
        return self.values[at] if at < len(self.values) else ""


def _parts(condition: Condition) -> list[str]:
    """A condition's value as the texts that the form shows."""
    if condition.op == "between":
        return condition.value.split("..", 1)
    return condition.value.split("|") if condition.op == "one_of" else [condition.value]


def _joined(op: str, values: Sequence[str]) -> str:
    """The texts of the form as one value."""
    if op in VALUELESS or not values:
        return ""
    if op == "between":
        return "..".join(each.strip() for each in (*values, "")[:2])
    if op == "one_of":
        lines = [line.strip() for value in values for line in value.splitlines()]
        return "|".join(line for line in lines if line)
    return values[0]
