"""The states of a run, and the moves between them: all of both, each with the reason it exists."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, update

from massadmin.extensions import db
from massadmin.runs.models import Run

STATES: dict[str, str] = {
    "draft": "Being put together; nothing will happen yet.",
    "scheduled": "Starts at a time that lies ahead.",
    "queued": "Waits for a worker to take its next chunk.",
    "running": "Workers are changing its records.",
    "pausing": "Somebody asked for a pause; a chunk is still being finished.",
    "paused": "Stands still until somebody resumes it.",
    "holding": "Stopped itself because something needs a person's eye.",
    "cancelling": "Somebody cancelled it; a chunk is still being finished.",
    "cancelled": "Ended early; what was done stays done and can be undone.",
    "completed": "Every record has its result.",
    "failed": "Could not start at all.",
}
ENDED = frozenset({"completed", "cancelled", "failed"})
ACTIVE = frozenset(STATES) - ENDED - {"draft"}
# Workers take chunks only from runs in these states.
WORKABLE = ("queued", "running")


@dataclass(frozen=True)
class Move:
    """A legal change of state: who may come from where to where, and why."""

    verb: str
    origin: str
    target: str
    why: str


MOVES: tuple[Move, ...] = (
    Move("queue", "draft", "queued", "The records are frozen and the run is committed."),
    Move("fail", "draft", "failed", "It could not be started."),
    Move("begin", "scheduled", "queued", "Its time has come."),
    Move("begin", "queued", "running", "A worker took its first chunk."),
    Move("pause", "queued", "pausing", "A person wants it to wait before it really began."),
    Move("pause", "running", "pausing", "A person wants it to stop after the current chunk."),
    Move("settle", "pausing", "paused", "No chunk is in flight any more."),
    Move("resume", "pausing", "running", "The person thought better of it in time."),
    Move("resume", "paused", "queued", "A person lets it go on."),
    Move("resume", "holding", "queued", "A person has looked at what stopped it."),
    Move("hold", "running", "holding", "A chunk failed again and again."),
    Move("hold", "queued", "holding", "A chunk failed again and again."),
    Move("hold", "pausing", "holding", "Finishing it failed while a pause was asked for."),
    Move("cancel", "scheduled", "cancelling", "A person does not want it after all."),
    Move("cancel", "queued", "cancelling", "A person does not want it after all."),
    Move("cancel", "running", "cancelling", "A person wants it to end after the current chunk."),
    Move("cancel", "pausing", "cancelling", "A pause turned into an end."),
    Move("cancel", "paused", "cancelling", "A person decided not to go on."),
    Move("cancel", "holding", "cancelling", "A person decided not to go on."),
    Move("settle", "cancelling", "cancelled", "No chunk is in flight any more."),
    Move("complete", "queued", "completed", "The last chunk was done as the run was resumed."),
    Move("complete", "running", "completed", "No chunk is left."),
    Move("complete", "pausing", "completed", "The chunk in flight was the last one."),
)
# What a person may ask for, in the order in which pages offer it.
PERSONS_VERBS = ("pause", "resume", "cancel")


class IllegalMove(Exception):
    """A move that the run's state does not allow; pages answer it with 409."""

    def __init__(self, verb: str, state: str) -> None:
        self.verb, self.state = verb, state
        super().__init__(f"A run that is {state} cannot {verb}.")


def targets(verb: str) -> dict[str, str]:
    """Where `verb` leads, by the state it starts from."""
    return {move.origin: move.target for move in MOVES if move.verb == verb}


def legal_verbs(state: str) -> list[str]:
    """What a person may ask of a run in this state."""
    return [verb for verb in PERSONS_VERBS if state in targets(verb)]


def after(verb: str) -> ColumnElement[str]:
    """SQL of the state that `verb` leads a run to; one that it does not move keeps its own."""
    return case(targets(verb), value=Run.state, else_=Run.state)


def move(run_id: int, verb: str, *, error: str | None = None) -> str:
    """Move a run by one conditional UPDATE and answer its new state; the caller commits.

    Args:
        error: what stopped it, for a person to read.

    Raises:
        IllegalMove: its state has no such move.
        LookupError: there is no such run.
    """
    state = db.session.scalar(
        update(Run)
        .where(Run.id == run_id, Run.state.in_(targets(verb)))
        .values(
            state=after(verb),
            error=case((Run.state == "holding", None), else_=error or Run.error),
            finished_at=case(
                (after(verb).in_(ENDED), func.clock_timestamp()),
                else_=Run.finished_at,
            ),
        )
        .returning(Run.state)
        .execution_options(synchronize_session=False)
    )
    if state is None:
        current = db.session.scalar(db.select(Run.state).where(Run.id == run_id))
        if current is None:
            raise LookupError(f"There is no run {run_id}.")
        raise IllegalMove(verb, current)
    return str(state)
