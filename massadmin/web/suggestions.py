"""Suggestions: the values that a text line offers for a field which takes what it knows."""

from __future__ import annotations

from massadmin.records.countries import countries
from massadmin.records.fields import Field
from massadmin.records.values import time_zones


def suggestions(field: Field) -> tuple[tuple[str, str], ...]:
    """(value, label) of what the field holds most of the time; nothing where anything goes."""
    match field.type:
        case "choice":
            return tuple((each, each) for each in field.choices)
        case "country":
            return tuple(countries().items())
        case "time_zone":
            return tuple((zone, zone) for zone in time_zones())
    return ()
