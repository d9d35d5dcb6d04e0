"""Modules: the kinds of record there are, and the fields of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Identity, Index, Integer, String, Table, bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.extensions import Base, db
from massadmin.records.contacts import CONTACT_FIELDS, Contact
from massadmin.records.fields import CUSTOM_PREFIX, Field
from massadmin.records.tags import ContactTag


class CustomField(Base):
    """A field that an administrator added to a module; its values live in `custom` jsonb."""

    __tablename__ = "custom_fields"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    module: Mapped[str] = mapped_column(String)
    key: Mapped[str] = mapped_column(String)
    label: Mapped[str] = mapped_column(String)
    type: Mapped[str] = mapped_column(String)
    choices: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    position: Mapped[int] = mapped_column(Integer, server_default=text("0"))

    __table_args__ = (Index("uq_custom_fields_key", "module", "key", unique=True),)


class UnknownModule(LookupError):
    """A module key that names no module."""


class UnknownField(LookupError):
    """A field key that names no field of the module."""


# What the trash tells about a record, to filter and sort by there and nowhere else.
TRASH_FIELDS = (
    Field(
        "deleted_at",
        "Deleted",
        "datetime",
        editable=False,
        importable=False,
        never_empty=True,
        in_order=True,
    ),
    Field("deleted_by", "Deleted by", "user", editable=False, importable=False),
)


@dataclass(frozen=True)
class Module:
    """One kind of record.

    `tags` is the table of its tags: a column `<singular key>_id` named by `tags_record`, and
    `tag_id`. `title` are the fields whose values, joined, name a record on a page. `trash` is true
    of a module whose deleted records are meant.
    """

    key: str
    label: str
    singular: str
    icon: str
    model: Any
    tag_model: Any
    tags_record: str
    title: tuple[str, ...]
    own_fields: tuple[Field, ...]
    custom_fields: tuple[Field, ...] = field(default=())
    trash: bool = False

    @property
    def table(self) -> Table:
        """The table of its records."""
        return self.model.__table__

    @property
    def tags(self) -> Table:
        """The table that puts tags on its records."""
        return self.tag_model.__table__

    @property
    def fields(self) -> tuple[Field, ...]:
        """All its fields, the custom ones last."""
        return self.own_fields + self.custom_fields

    @property
    def filterable(self) -> tuple[Field, ...]:
        """What its records can be filtered by."""
        return self.fields + (TRASH_FIELDS if self.trash else ())

    def in_trash(self) -> Module:
        """The same module, its deleted records being meant."""
        return replace(self, trash=True)

    def field(self, key: str) -> Field:
        """The field called `key`.

        Raises:
            UnknownField: there is none.
        """
        for each in self.filterable:
            if each.key == key:
                return each
        raise UnknownField(f"{self.label} have no field “{key[:60]}”.")


MODULES: dict[str, Module] = {
    "contacts": Module(
        key="contacts",
        label="Contacts",
        singular="contact",
        icon="users",
        model=Contact,
        tag_model=ContactTag,
        tags_record="contact_id",
        title=("first_name", "last_name"),
        own_fields=CONTACT_FIELDS,
    )
}


# Nearly every page asks this, and putting it together takes longer than its answer.
_CUSTOM_FIELDS = (
    select(CustomField.key, CustomField.label, CustomField.type, CustomField.choices)
    .where(CustomField.module == bindparam("of"))
    .order_by(CustomField.position, CustomField.id)
)


def get_module(key: str) -> Module:
    """The module called `key`, with the custom fields it has now.

    Raises:
        UnknownModule: there is none.
    """
    module = MODULES.get(key)
    if module is None:
        raise UnknownModule(f"There is no module “{key[:60]}”.")
    rows = db.session.execute(_CUSTOM_FIELDS, {"of": key})
    return replace(
        module,
        custom_fields=tuple(
            Field(
                key=CUSTOM_PREFIX + row.key,
                label=row.label,
                type=row.type,
                choices=tuple(row.choices),
                names=(row.label.lower(), row.key.lower()),
            )
            for row in rows
        ),
    )
