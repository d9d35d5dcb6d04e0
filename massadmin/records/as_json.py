"""Fields as jsonb, in the SQL of those who write down what a record held and what it holds now."""

from __future__ import annotations

from collections.abc import Sequence

from massadmin.records.fields import Field

MOST_PAIRS = 50  # PostgreSQL passes no more than 100 arguments to a function.


def json_value(field: Field, alias: str) -> str:
    """SQL of a field's value as jsonb, as results hold it: JSON null when it is empty."""
    if field.custom:
        return f"coalesce({alias}.custom -> '{field.custom_key}', 'null')"
    return f"coalesce(to_jsonb({alias}.{field.key}), 'null')"


def json_object(fields: list[Field], alias: str) -> str:
    """SQL of a jsonb object of the values of `fields`."""
    return object_of([(field.key, json_value(field, alias)) for field in fields])


def object_of(values: Sequence[tuple[str, str]]) -> str:
    """SQL of a jsonb object of keys and the SQL of their values, however many there are."""
    pairs = [f"'{key}', {value}" for key, value in values]
    parts = [
        f"jsonb_build_object({', '.join(pairs[at : at + MOST_PAIRS])})"
        for at in range(0, max(len(pairs), 1), MOST_PAIRS)
    ]
    return f"({' || '.join(parts)})"
