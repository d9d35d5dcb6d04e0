"""What the doctor finds about one part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One part: whether it is `well`, what was `found`, and what to do if it is not."""

    name: str
    well: bool
    found: str
    advice: str = ""


def restarting(log: Path) -> str:
    """What to do about an embedded server that does not answer while others use it."""
    return (
        "One that ended is started again within seconds: look once more. "
        f"If it stays so, stop `massadmin up`, see {log}, and start it again."
    )
