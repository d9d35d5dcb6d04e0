"""Creating: one record added by a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert

from massadmin.auth import audit
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.edit import NotAllowed, Rejected, may_edit, put_tags, read
from massadmin.records.modules import Module
from massadmin.records.timeline import note
from massadmin.records.values import BadValue, to_json

audit.name_events({"record_created": "Created a record"})

# A record with none of these could not be found or told from another.
NAMING = ("first_name", "last_name", "email", "phone", "company_name")


def create(module: Module, typed: Mapping[str, str], user: User, *, address: str = "") -> int:
    """Add a record from text by field key; its id. Writes to the audit log; the caller commits.

    Whoever creates a record owns it unless they may, and do, name somebody else.

    Raises:
        NotAllowed: the user may not add records.
        Rejected: a value does not fit its field, or nothing names the record.
    """
    if not user.can(f"{module.key}.edit"):
        raise NotAllowed(f"Your role may not add {module.label.lower()}.")
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, text in typed.items():
        field = module.field(key)
        if not may_edit(module, field, user):
            continue
        try:
            values[key] = read(field, text, user, country=typed.get("country"))
        except BadValue as error:
            errors[key] = str(error)
    naming = [key for key in NAMING if any(key == field.key for field in module.fields)]
    if naming and not errors and not any(values.get(key) for key in naming):
        labels = [module.field(key).label for key in naming]
        errors[naming[0]] = f"Enter at least one of {', '.join(labels[:-1])} and {labels[-1]}."
    if errors:
        raise Rejected(errors)
    if "owner_id" in module.table.c and "owner_id" not in values:
        values["owner_id"] = user.id
    tags = values.pop("tags", [])
    given = {key: value for key, value in values.items() if value is not None}
    record_id = int(
        db.session.execute(
            insert(module.table)
            .values(
                **{key: value for key, value in given.items() if not module.field(key).custom},
                custom={
                    module.field(key).custom_key: to_json(value)
                    for key, value in given.items()
                    if module.field(key).custom
                },
            )
            .returning(module.table.c.id)
        ).scalar_one()
    )
    put_tags(module, record_id, tags)
    # A switch that is off is what every record begins with.
    after = {key: to_json(value) for key, value in given.items() if value is not False}
    if tags:
        after["tags_added"] = tags
    note("record_created", module, record_id, user, {}, after, address=address)
    return record_id
