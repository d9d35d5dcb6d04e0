"""Mapping: which column of a file goes to which field.

A mapping is a list with one item per column: the key of a field, `name` for a full name that is
split into first and last, or None for a column that is left out. Several columns may go to one
field; per row, the first of them that is filled counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports.guessing import guess, squashed
from massadmin.imports.leaving import NOT_NOW, NOTHING_LEFT
from massadmin.imports.models import UNDER_WAY, ImportFile, ImportMapping
from massadmin.records.fields import Field
from massadmin.records.modules import Module
from massadmin.tabular import Dialect

FULL_NAME = "name"
FULL_NAME_LABEL = "Full name (split into first and last)"


class BadMapping(ValueError):
    """Columns and fields that do not go together; the message says which and what to do."""


def targets(module: Module) -> dict[str, str]:
    """What a column can go to: key and label, in the order in which forms offer them."""
    offered = {field.key: field.label for field in importable(module)}
    if {"first_name", "last_name"} <= offered.keys():
        rest = {key: label for key, label in offered.items() if key not in _NAMES}
        named = {key: offered[key] for key in _NAMES}
        offered = {**named, FULL_NAME: FULL_NAME_LABEL, **rest}
    return offered


_NAMES = ("first_name", "last_name")


def importable(module: Module) -> list[Field]:
    """The fields that an import writes, and the id, which it only looks up."""
    return [
        field
        for field in module.fields
        if field.importable and (field.editable or field.key == "id")
    ]


def proposed_mapping(
    module: Module, user: User, dialect: Dialect, samples: Sequence[Sequence[str]]
) -> list[str | None]:
    """How this user mapped a file with the same header before; else a guess from its header and
    the contents of its first rows."""
    remembered = None
    if dialect.has_header:
        remembered = db.session.scalar(
            select(ImportMapping.mapping).where(
                ImportMapping.user_id == user.id,
                ImportMapping.module == module.key,
                ImportMapping.headers_hash == _signature(dialect),
            )
        )
    if remembered is not None and len(remembered) == len(dialect.columns):
        known = targets(module)
        return [key if key in known else None for key in remembered]
    return guess(
        importable(module),
        dialect.columns,
        samples,
        has_header=dialect.has_header,
        full_name=FULL_NAME if FULL_NAME in targets(module) else None,
    )


def assign(
    file: ImportFile, module: Module, user: User, assignments: Mapping[str, str]
) -> ImportFile:
    """Map some columns by hand, by their headers; an empty field leaves the column out. Commits.

    A header is found as it is written, else without regard to case and punctuation, else by
    number ("#3", "Column 3"). A field is named by its key or its label. Other columns that were
    guessed to go to a field named here make way.

    Raises:
        BadMapping: no column or no field is called that.
    """
    mapping = list(file.mapping)
    placed: dict[int, str | None] = {}
    for header, name in assignments.items():
        key = _target(module, name) if name.strip() else None
        placed[_column(file.columns, header)] = key
    by_hand = {key for key in placed.values() if key is not None}
    mapping = [
        placed.get(column, None if key in by_hand else key) for column, key in enumerate(mapping)
    ]
    return set_mapping(file, module, user, mapping)


def set_mapping(
    file: ImportFile, module: Module, user: User, mapping: Sequence[str | None]
) -> ImportFile:
    """Map all columns at once, and remember it for this user and header. Commits.

    Raises:
        BadMapping: a field is unknown, there are not as many items as columns, or the file is
            being read or imported just now.
    """
    known = targets(module)
    wrong = next((key for key in mapping if key is not None and key not in known), None)
    if wrong is not None:
        raise BadMapping(f"{module.label} have no field “{wrong[:60]}” that an import could fill.")
    if len(mapping) != len(file.columns):
        raise BadMapping(
            f"The mapping names {len(mapping):,} columns; the file has {len(file.columns):,}."
        )
    free = db.session.scalar(
        update(ImportFile)
        .where(ImportFile.id == file.id, ~UNDER_WAY)
        # Whoever maps the columns takes the file as it was read.
        .values(mapping=list(mapping), **NOTHING_LEFT)
        .returning(ImportFile.id)
    )
    if free is None:
        raise BadMapping(NOT_NOW)
    if file.dialect.has_header:
        remember = insert(ImportMapping).values(
            user_id=user.id,
            module=module.key,
            headers_hash=_signature(file.dialect),
            mapping=list(mapping),
        )
        db.session.execute(
            remember.on_conflict_do_update(
                index_elements=["user_id", "module", "headers_hash"],
                set_={"mapping": remember.excluded.mapping, "used_at": func.now()},
            )
        )
    db.session.commit()
    db.session.refresh(file)
    return file


def check_mapping(module: Module, columns: Sequence[str], mapping: Sequence[str | None]) -> None:
    """A mapping must fill some field, the id alone being only looked up, and fields that are
    there: one may have been deleted since.

    Raises:
        BadMapping: it does not.
    """
    known = targets(module)
    for column, key in zip(columns, mapping, strict=True):
        if key is not None and key not in known:
            raise BadMapping(
                f"The column “{column[:60]}” goes to a field that is not there any more. Map it to "
                "another one, or leave it out."
            )
    if not any(key is not None and key != "id" for key in mapping):
        raise BadMapping(
            f"No column is mapped to a field of {module.label.lower()}. Map at least one, such as "
            "the one with the e-mail addresses."
        )


def _signature(dialect: Dialect) -> str:
    """What makes two files have the same header: names and their order."""
    names = json.dumps([squashed(name) or name for name in dialect.columns])
    return hashlib.sha256(names.encode()).hexdigest()


def _column(columns: Sequence[str], header: str) -> int:
    if header in columns:
        return columns.index(header)
    plain = [squashed(column) for column in columns]
    wanted = squashed(header)
    if wanted and wanted in plain:
        return plain.index(wanted)
    numbered = re.fullmatch(r"(?:#|column )\s*(\d{1,6})", header.strip(), re.IGNORECASE)
    if numbered and 1 <= int(numbered[1]) <= len(columns):
        return int(numbered[1]) - 1
    shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
    raise BadMapping(f"The file has no column “{header[:80]}”. Its columns are: {shown}")


def _target(module: Module, name: str) -> str:
    known = targets(module)
    name = name.strip()
    if name in known:
        return name
    for key, label in known.items():
        if name.lower() in (key.lower(), label.lower(), key.removeprefix("custom.").lower()):
            return key
    wanted = squashed(name)
    for field in importable(module):
        if wanted and wanted in {squashed(each) for each in (field.key, field.label, *field.names)}:
            return field.key
    raise BadMapping(
        f"{module.label} have no field “{name[:60]}” that an import could fill. "
        f"Fields are: {', '.join(known)}"
    )
