"""A preview as dialogs show it: counts, reasons, and some records before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from massadmin.auth.models import User
from massadmin.records.modules import Module
from massadmin.runs.preview import Preview
from massadmin.runs.results import Named, Row, record_names
from massadmin.web.runs.tabs import described


@dataclass(frozen=True)
class Previewed:
    """What an action would do. `rows` are examples, each with its changes in words."""

    total: int
    sampled: int
    succeeded: int
    skipped: int
    failed: int
    reasons: list[tuple[str, str, int]]
    rows: list[tuple[Row, list[Any]]]

    @property
    def whole(self) -> bool:
        """Whether every record was tried, not only the first ones."""
        return self.sampled >= self.total

    @property
    def idle(self) -> bool:
        """Whether it is certain that nothing would change."""
        return self.whole and self.succeeded == 0


def previewed(found: Preview, module: Module, user: User) -> Previewed:
    """The preview with the records' names, and the changes in words."""
    tally = found.tally
    return Previewed(
        found.total,
        found.sampled,
        tally["succeeded"],
        tally["skipped"],
        tally["failed"],
        found.reasons,
        examples(found, module, user),
    )


def examples(found: Preview, module: Module, user: User) -> list[tuple[Row, list[Any]]]:
    """Some records of the preview, each with its changes in words."""
    ids = [each.record_id for each in found.changes if each.record_id is not None]
    names, words = record_names(module, ids, user), described(module)
    gone = Named("", "gone")
    rows = []
    for each in found.changes:
        record = names.get(each.record_id, gone) if each.record_id is not None else gone
        row = Row(
            each.item,
            each.record_id,
            each.outcome,
            each.reason or "",
            each.before,
            each.after,
            record,
        )
        rows.append((row, words(row)))
    return rows
