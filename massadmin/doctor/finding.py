"""What the doctor finds about one part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One part: whether it is `well`, what was `found`, and what to do if it is not."""

    name: str
    well: bool
    found: str
    advice: str = ""
