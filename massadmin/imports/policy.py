"""The policy: which records a row is matched with, and what happens then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.countries import country_code
from massadmin.records.modules import Module
from massadmin.records.tags import BadTag, tag_names

MATCHES: dict[str, str] = {"email": "E-mail", "phone": "Phone", "id": "ID", "": "Nothing"}
ON_MATCH: dict[str, str] = {
    "update": "Update the record",
    "skip": "Leave the record as it is",
    "create": "Create another record",
}
UNMATCHED: dict[str, str] = {"create": "Create a record", "skip": "Skip the row"}
EMPTY: dict[str, str] = {"keep": "Keep what the record has", "clear": "Clear the field"}


class BadPolicy(ValueError):
    """A choice that cannot be followed; `field` names it, the message says why."""

    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How rows become records.

    - match: the field that tells who is who, or None: then every row is a new record. It also
      holds within the file: of several rows with one value, the first counts and the later ones
      are skipped, whatever the rest of the policy says, so that no value comes in twice.
    - on_match, unmatched, empty: see the words above. `empty` is about updates.
    - country: ISO 3166 region of phone numbers without a country code; None takes that of the
      row's own country, where it has one.
    - tags: put on every record that the import creates or finds, unless found ones are skipped.
    - owner: id of the user who owns new records that name no owner.
    - trim: leave out blanks around text. Text is kept to the letter otherwise.
    """

    match: str | None = "email"
    on_match: str = "update"
    unmatched: str = "create"
    empty: str = "keep"
    country: str | None = None
    tags: tuple[str, ...] = ()
    owner: int | None = None
    trim: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` takes back."""
        return {**asdict(self), "tags": list(self.tags)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Policy:
        """The policy that `to_json` wrote; unknown keys are left out."""
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        known["tags"] = tuple(known.get("tags", ()))
        return cls(**known)


def checked(policy: Policy, module: Module, user: User) -> Policy:
    """The policy with its values in their one spelling.

    Raises:
        BadPolicy: a value is unknown, or the user may not choose it.
    """
    for name, choices in (
        ("match", MATCHES),
        ("on_match", ON_MATCH),
        ("unmatched", UNMATCHED),
        ("empty", EMPTY),
    ):
        value = getattr(policy, name) or ""
        if value not in choices:
            named = ", ".join(each or "nothing" for each in choices)
            raise BadPolicy(f"{value!r} is none of {named}.", name)
    country = country_code(policy.country or "")
    if country is None and (policy.country or "").strip():
        raise BadPolicy(
            f"{policy.country!r} is no country code of two letters, such as US or NO.", "country"
        )
    try:
        tags = tuple(tag_names(policy.tags))
    except BadTag as error:
        raise BadPolicy(str(error), "tags") from error
    if policy.owner is not None:
        owner = db.session.get(User, policy.owner)
        if owner is None or not owner.active:
            raise BadPolicy("The chosen owner is no active user.", "owner")
        if policy.owner != user.id and not user.can(f"{module.key}.assign"):
            raise BadPolicy("Your role may not give records to others.", "owner")
    return replace(policy, match=policy.match or None, country=country, tags=tags)


def default_policy(mapping: Sequence[str | None]) -> Policy:
    """Match on e-mail where the file has it, else on nothing.

    Phone numbers do not say who is who without being asked: families and offices share them.
    """
    return Policy(match="email" if "email" in mapping else None)


def warnings(module: Module, mapping: Sequence[str | None], policy: Policy) -> list[str]:
    """What somebody should know before importing with this mapping and policy."""
    found = []
    if policy.match and policy.match not in mapping:
        label = module.field(policy.match).label
        found.append(
            f"No column is mapped to {label}, so nothing can match: "
            + (
                "every row becomes a new record."
                if policy.unmatched == "create"
                else "every row will be skipped."
            )
        )
    return found
