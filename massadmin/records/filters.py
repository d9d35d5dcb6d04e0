"""Filters: conditions on fields, as they stand in a URL, in a saved list and in SQL.

A `Query` is the whole question a list asks: conditions joined by AND or OR, search words, and
whether it looks among live records or in the trash. It round-trips through URL arguments
(`?f=status:is:Lead&f=tags:has:vip&match=any&q=smith`) and through JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from massadmin.records.fields import Field, FieldType
from massadmin.records.modules import Module
from massadmin.records.values import whole_number


class BadFilter(ValueError):
    """A filter that cannot be understood; the message says what was wrong with which value."""


# What each operator is called on a page, and which need no value.
OPERATORS: dict[str, str] = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "starts": "starts with",
    "one_of": "is one of",
    "empty": "is empty",
    "not_empty": "is not empty",
    "gt": "greater than",
    "lt": "less than",
    "between": "between",
    "before": "before",
    "after": "after",
    "within_days": "within the last days",
    "older_days": "more than days ago",
    "has": "has",
    "has_not": "has not",
}
VALUELESS = frozenset({"empty", "not_empty"})
_TEXT = ("is", "is_not", "contains", "starts", "one_of", "empty", "not_empty")
_DATES = ("is", "before", "after", "between", "within_days", "older_days", "empty", "not_empty")
OPERATORS_BY_TYPE: dict[FieldType, tuple[str, ...]] = {
    "text": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "choice": _TEXT,
    "country": _TEXT,
    "time_zone": _TEXT,
    "user": ("is", "is_not", "one_of", "empty", "not_empty"),
    "number": ("is", "is_not", "gt", "lt", "between", "one_of", "empty", "not_empty"),
    "id": ("is", "is_not", "gt", "lt", "between", "one_of"),
    "date": _DATES,
    "datetime": _DATES,
    "boolean": ("is", "empty", "not_empty"),
    "tags": ("has", "has_not", "empty", "not_empty"),
}
MAX_CONDITIONS = 50
MAX_SEARCH_CHARS = 200


class Arguments(Protocol):
    """What `Query.from_args` reads: werkzeug's MultiDict, or anything with its two methods."""

    def getlist(self, key: str) -> list[str]:
        """All values of `key`."""

    def get(self, key: str, default: str) -> str:
        """The first value of `key`."""


@dataclass(frozen=True)
class Condition:
    """One condition; `value` is text as typed: `a..b` for between, `a|b|c` for one of."""

    field: str
    op: str
    value: str = ""

    @classmethod
    def from_text(cls, text: str) -> Condition:
        """Read `field:op:value`; the value may hold colons.

        Raises:
            BadFilter: a part is missing.
        """
        field, _, rest = text.partition(":")
        op, _, value = rest.partition(":")
        if not field or not op:
            raise BadFilter(f"The filter {text[:80]!r} is not of the form field:operator:value.")
        return cls(field, op, value)

    def to_text(self) -> str:
        """The form that `from_text` reads."""
        return f"{self.field}:{self.op}" + ("" if self.op in VALUELESS else f":{self.value}")


@dataclass(frozen=True)
class Query:
    """What a list asks for. `match` joins the conditions; search words must all be found.

    `trash` looks among deleted records, and `deleted_run` only among those that one run deleted.
    """

    conditions: tuple[Condition, ...] = ()
    match: str = "all"
    q: str = ""
    trash: bool = False
    deleted_run: int | None = None

    @classmethod
    def from_args(cls, args: Arguments, *, trash: bool = False) -> Query:
        """Read the arguments `f` (repeated), `match`, `q` and, in the trash, `run`.

        Raises:
            BadFilter: an argument cannot be understood.
        """
        run = args.get("run", "") if trash else ""
        deleted_run = whole_number(run)
        if run and deleted_run is None:
            raise BadFilter(f"{run[:40]!r} is no run.")
        return cls.build(
            [Condition.from_text(each) for each in args.getlist("f") if each.strip()],
            match=args.get("match", "all"),
            q=args.get("q", ""),
            trash=trash,
            deleted_run=deleted_run,
        )

    @classmethod
    def build(
        cls,
        conditions: Iterable[Condition] = (),
        *,
        match: str = "all",
        q: str = "",
        trash: bool = False,
        deleted_run: int | None = None,
    ) -> Query:
        """A checked query.

        Raises:
            BadFilter: too much, or a character that no record can hold.
        """
        found = tuple(conditions)
        q = q.strip()
        if match not in ("all", "any"):
            raise BadFilter(f"Conditions match “all” or “any”, not {match[:40]!r}.")
        if len(found) > MAX_CONDITIONS:
            raise BadFilter(f"At most {MAX_CONDITIONS} conditions can be combined.")
        if len(q) > MAX_SEARCH_CHARS:
            raise BadFilter(f"Search for at most {MAX_SEARCH_CHARS} characters.")
        if "\x00" in q or any("\x00" in each.value for each in found):
            raise BadFilter("A filter cannot contain a NUL character.")
        return cls(found, match, q, trash, deleted_run)

    def to_args(self) -> list[tuple[str, str]]:
        """URL arguments that `from_args` reads back."""
        args = [("f", each.to_text()) for each in self.conditions]
        if self.match != "all":
            args.append(("match", self.match))
        if self.q:
            args.append(("q", self.q))
        if self.deleted_run is not None:
            args.append(("run", str(self.deleted_run)))
        return args

    def to_json(self) -> dict[str, Any]:
        """The JSON form that `from_json` reads back."""
        return {
            "conditions": [[each.field, each.op, each.value] for each in self.conditions],
            "match": self.match,
            "q": self.q,
            "trash": self.trash,
            "deleted_run": self.deleted_run,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Query:
        """Read the JSON form."""
        return cls.build(
            [Condition(*each) for each in stored.get("conditions", [])],
            match=stored.get("match", "all"),
            q=stored.get("q", ""),
            trash=bool(stored.get("trash", False)),
            deleted_run=stored.get("deleted_run"),
        )

    def describe(self, module: Module, users: dict[int, str] | None = None) -> str:
        """The query in words: “Status is Lead and Tags has vip”; “all contacts” when empty."""
        module = module.in_trash() if self.trash else module
        words = [describe(module.field(each.field), each, users) for each in self.conditions]
        text = (" or " if self.match == "any" else " and ").join(words)
        if self.q:
            text = f"“{self.q}”" + (f" and ({text})" if text else "")
        return text or f"all {module.label.lower()}"


def describe(field: Field, condition: Condition, users: dict[int, str] | None = None) -> str:
    """One condition in words."""
    value = condition.value
    known = whole_number(value)
    if field.type == "user" and users and known is not None:
        value = users.get(known, value)
    match condition.op:
        case "within_days":
            return f"{field.label} within the last {value} days"
        case "older_days":
            return f"{field.label} more than {value} days ago"
        case "between":
            return f"{field.label} between {value.replace('..', ' and ')}"
        case "one_of":
            return f"{field.label} is one of {value.replace('|', ', ')}"
    return f"{field.label} {OPERATORS.get(condition.op, condition.op)} {value}".rstrip()
