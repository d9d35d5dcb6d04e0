"""Waiting for a run: watching the workers at it, or doing the work where there are none."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import select

from massadmin.extensions import db
from massadmin.runs import alive, execute
from massadmin.runs.models import Run
from massadmin.runs.progress import progress_of
from massadmin.runs.settle import settle
from massadmin.runs.states import ENDED, STATES

POLL_SECONDS = 0.2
# So long this process works on its own before it looks up again.
SLICE_SECONDS = 0.5
# Somebody has to act before these go on.
STANDING = ("paused", "holding")
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def fresh(run_id: int) -> Run:
    """The run as the database has it now."""
    db.session.rollback()
    return db.session.execute(
        select(Run).where(Run.id == run_id).execution_options(populate_existing=True)
    ).scalar_one()


def wait_for(run_id: int) -> Run:
    """The run once it has ended, or stands still until somebody acts.

    Ctrl-C ends the waiting, not the run: its chunk at hand is rolled back or left to its worker.
    """
    try:
        with _bar(sys.stderr.isatty()) as draw:
            while True:
                run = fresh(run_id)
                draw(run)
                if run.state in ENDED or run.state in STANDING:
                    return run
                if not _worked(run_id):
                    time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        db.session.rollback()
        _say_how_it_goes_on(run_id)
        raise click.exceptions.Exit(INTERRUPTED) from None


def _worked(run_id: int) -> bool:
    """Do some of the work if nobody else does; whether there was any."""
    if alive.count_alive("worker"):
        return False
    done = execute.drain(run_id, seconds=SLICE_SECONDS)
    # Where no worker is, no clock need be: what was to be paused or cancelled is so here.
    return bool(settle(run_id)) or done > 0


def exit_status(run: Run) -> int:
    """0 done, 3 done with failed records, 1 not done, with the reason said on standard error."""
    if run.state == "completed":
        return 3 if run.failed else 0
    reason = (run.error or STATES[run.state]).rstrip(".")
    hint = "" if run.state in ENDED else f" `massadmin runs resume {run.id} --wait` goes on."
    click.echo(f"massadmin: run {run.id} is {run.state}: {reason}.{hint}", err=True)
    return 1


def hint_if_nobody_works() -> None:
    """Say so when a run that was just queued has no worker to take it."""
    if not alive.count_alive("worker"):
        click.echo(
            "No worker is running: it waits for `massadmin up`, `massadmin worker`, or --wait.",
            err=True,
        )


def _say_how_it_goes_on(run_id: int) -> None:
    run = fresh(run_id)
    if run.state in ENDED:
        click.echo(f"\nRun {run_id} is {run.state}.", err=True)
    elif alive.count_alive("worker"):
        click.echo(
            f"\nRun {run_id} goes on without you: `massadmin runs show {run_id} --wait` watches "
            f"it, `massadmin runs cancel {run_id}` ends it.",
            err=True,
        )
    else:
        click.echo(
            f"\nRun {run_id} stands still, because no worker is running; nothing is lost: "
            f"`massadmin runs show {run_id} --wait` goes on, "
            f"`massadmin runs cancel {run_id}` ends it.",
            err=True,
        )


@contextmanager
def _bar(terminal: bool) -> Iterator[Draw]:
    draw = Draw(terminal)
    try:
        yield draw
    finally:
        draw.close()


class Draw:
    """The progress line of a run on a terminal; nothing elsewhere."""

    WIDTH = 30

    def __init__(self, terminal: bool) -> None:
        self._terminal, self._last = terminal, 0

    def __call__(self, run: Run) -> None:
        """Draw the line anew."""
        if not self._terminal:
            return
        progress = progress_of([run])[run.id]
        filled = self.WIDTH * progress.done // max(1, progress.total)
        line = f"[{'#' * filled}{'-' * (self.WIDTH - filled)}] {progress.percent:3d} %"
        line += f"  {progress.done:,} of {progress.total:,}"
        if progress.failed:
            line += f", {progress.failed:,} failed"
        if run.state not in ("queued", "running"):
            line += f"  {run.state}"
        elif progress.rate and progress.eta is not None:
            line += f"  {progress.rate:,.0f}/s, {progress.eta:,.0f} s left"
        click.echo("\r" + line.ljust(self._last), nl=False, err=True)
        self._last = len(line)

    def close(self) -> None:
        """Leave the line behind."""
        if self._last:
            click.echo(err=True)
