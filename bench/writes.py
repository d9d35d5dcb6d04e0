"""Bulk changes beside the bare SQL that does no more than change."""

from __future__ import annotations

from bench.measuring import Bench, Row, at_most, measure, timed
from bench.runs import at_once, chunked, chunks, run_all, undo_of, update_all
from massadmin.cli.aside import started
from massadmin.extensions import db
from massadmin.records.tags import ensure_tags
from massadmin.runs.models import Run

SET_SOURCE = """
    UPDATE contacts SET source = %(value)s, updated_at = now()
    WHERE id = ANY(%(ids)s) AND deleted_at IS NULL AND source IS DISTINCT FROM %(value)s
"""


@measure
def update(bench: Bench) -> list[Row]:
    """Update one column of every contact and undo it, beside the same chunked UPDATE."""
    pieces = chunks(bench.total)
    undone: list[float] = []

    def ours() -> float:
        run, took = update_all(bench)
        bench.settle()
        undone.append(undo_of(bench, run))
        return took

    mine, peer = bench.alternate(ours, lambda: chunked(SET_SOURCE, pieces, value=bench.mark()))
    name = f"Update one column of {bench.total:,} contacts, with results and undo"
    return [
        at_most(name, mine, peer, 1.5, "the same chunked UPDATE without them"),
        at_most("Undo that update", undone, mine, 1.5, "the update"),
    ]


@measure
def tag(bench: Bench) -> list[Row]:
    """Add a tag to every contact and undo it, beside INSERT … SELECT at once and in chunks."""
    pieces = chunks(bench.total)
    own = ensure_tags(["Bench bare"])["Bench bare"]
    db.session.commit()
    insert = f"INSERT INTO contact_tags SELECT id, {own} FROM contacts WHERE deleted_at IS NULL"
    undone: list[float] = []
    same: list[float] = []

    def ours() -> float:
        run, took = run_all(bench, "add_tags", {"tags": bench.mark()})
        bench.settle()
        undone.append(undo_of(bench, run))
        return took

    def peer() -> float:
        took = at_once(insert)
        forget()
        bench.settle()
        same.append(chunked(f"{insert} AND id = ANY(%(ids)s)", pieces))
        forget()
        return took

    def forget() -> None:
        at_once(f"DELETE FROM contact_tags WHERE tag_id = {own}")

    mine, bare = bench.alternate(ours, peer)
    name = f"Add a tag to {bench.total:,} contacts, with results"
    return [
        at_most(name, mine, bare, 1.35, "one bare INSERT … SELECT"),
        at_most("The same", mine, same, None, "INSERT … SELECT in the same chunks"),
        at_most("Undo that tagging", undone, mine, 1.5, "the tagging"),
    ]


@measure
def freeze(bench: Bench) -> list[Row]:
    """Start a run of every contact, beside the SELECT of its ids."""
    select = """
        SELECT count(*) FROM (
            SELECT id FROM contacts WHERE deleted_at IS NULL ORDER BY id OFFSET 0) AS ordered
    """

    def ours() -> Run:
        return started(
            bench.user, "update_fields", {"set.source": bench.mark()}, expected=bench.total
        )

    mine, peer = bench.alternate(timed(ours), lambda: at_once(select))
    name = f"Freeze {bench.total:,} contacts into a run"
    return [at_most(name, mine, peer, 1.3, "the SELECT of their ids in order, sent nowhere")]


@measure
def delete(bench: Bench) -> list[Row]:
    """Delete every contact and restore it, beside the bare soft delete and its reverse."""
    pieces = chunks(bench.total)
    spent: dict[str, list[float]] = {key: [] for key in ("delete", "restore", "gone", "back")}

    def ours() -> None:
        spent["delete"].append(run_all(bench, "delete", {"confirm": "DELETE"})[1])
        bench.settle()
        spent["restore"].append(run_all(bench, "restore", {"on_conflict": "skip"}, trash=True)[1])

    def peer() -> None:
        spent["gone"].append(
            chunked(
                "UPDATE contacts SET deleted_at = now(), deleted_by = %(user)s,"
                " deleted_run_id = 1 WHERE id = ANY(%(ids)s) AND deleted_at IS NULL",
                pieces,
                user=bench.user.id,
            )
        )
        bench.settle()
        spent["back"].append(
            chunked(
                "UPDATE contacts SET deleted_at = NULL, deleted_by = NULL, deleted_run_id = NULL"
                # Whether they are deleted is not asked: by the index of that, each chunk would
                # walk through all of them.
                " WHERE id = ANY(%(ids)s)",
                pieces,
            )
        )

    bench.alternate(timed(ours), timed(peer))
    return [
        at_most(
            f"Delete {bench.total:,} contacts, with results",
            spent["delete"],
            spent["gone"],
            2,
            "the bare soft delete in the same chunks",
        ),
        at_most(
            "Restore them, each e-mail checked",
            spent["restore"],
            spent["back"],
            2,
            "the bare reverse in the same chunks",
        ),
    ]
