"""A run as pages show it: its row, how far it is, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import abort, current_app, url_for
from flask_login import current_user
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.exports.keeping import file_of, may_download
from massadmin.extensions import db
from massadmin.records.modules import MODULES, Module, UnknownModule, get_module
from massadmin.runs.action import REGISTRY, Action
from massadmin.runs.control import find_run
from massadmin.runs.models import Run
from massadmin.runs.offers import Offers, Undoing, offers_of, undoings
from massadmin.runs.progress import Progress, progress_of, seconds_taken
from massadmin.runs.results import any_noted
from massadmin.runs.states import ACTIVE, ENDED, STATES

# States that change by themselves from one second to the next.
MOVING = frozenset({"queued", "running", "pausing", "cancelling"})
_BARS = {
    "completed": "good",
    "paused": "warn",
    "pausing": "warn",
    "holding": "warn",
    "cancelling": "quiet",
    "cancelled": "quiet",
    "failed": "bad",
}


@dataclass(frozen=True)
class RunView:
    """One run; `by` is the name of whoever started it, `undoing` the run that takes it back."""

    run: Run
    progress: Progress
    offers: Offers
    by: str
    undoing: Undoing | None = None

    @property
    def id(self) -> int:
        return self.run.id

    @property
    def state(self) -> str:
        return self.run.state

    @property
    def action(self) -> Action | None:
        """The action, or None when nobody offers it any more."""
        return REGISTRY.get(self.run.action)

    @property
    def label(self) -> str:
        """What kind of run it is."""
        return self.action.label if self.action else self.run.action

    @property
    def icon(self) -> str:
        return self.action.icon if self.action else "list-checks"

    @property
    def module_label(self) -> str:
        module = MODULES.get(self.run.module)
        return module.label if module else self.run.module

    @property
    def noun(self) -> str:
        """What one record of it is called."""
        module = MODULES.get(self.run.module)
        return module.singular if module else "record"

    @property
    def errors(self) -> int:
        """Failed records, once they decide how the run is called."""
        return self.progress.failed

    @property
    def bar(self) -> str:
        """The kind of its progress bar."""
        if self.state == "completed" and self.errors:
            return "warn"
        return _BARS.get(self.state, "")

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def moving(self) -> bool:
        return self.state in MOVING

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def quarter(self) -> int:
        """The last milestone passed: 0 to 4 quarters done."""
        return self.progress.percent // 25

    @property
    def seconds(self) -> float | None:
        """Wall time from start to end; None before the end."""
        return seconds_taken(self.run)

    @property
    def sentence(self) -> str:
        """Why it is in this state, and what that means."""
        if self.state == "completed" and self.errors:
            noun = "record" if self.errors == 1 else "records"
            return f"Every record has its result; {self.errors:,} {noun} failed."
        return STATES[self.state]

    @property
    def download_url(self) -> str:
        """Where the file is that it made, if the person may have it and it is still kept."""
        endpoint = getattr(self.action, "download_endpoint", "")
        if endpoint not in current_app.view_functions or not may_download(self.run, person()):
            return ""
        return url_for(endpoint, run_id=self.id) if file_of(self.run) else ""

    @property
    def download_expired(self) -> bool:
        """Whether it made a file that is not kept any more."""
        makes_files = hasattr(self.action, "download_endpoint")
        return makes_files and self.state == "completed" and file_of(self.run) is None

    @property
    def failures_url(self) -> str:
        """Where the records that failed can be downloaded, if any did. An action with a file of
        its own has successes in it too of which something is to be said."""
        endpoint = getattr(self.action, "failures_endpoint", "")
        own = endpoint in current_app.view_functions
        if not self.progress.failed and not (own and any_noted(self.run)):
            return ""
        return url_for(endpoint if own else "runs.failures", run_id=self.id)

    @property
    def failures_label(self) -> str:
        """What the file of `failures_url` is called."""
        return str(getattr(self.action, "failures_label", "Failures CSV"))

    @property
    def item_label(self) -> str:
        """What the number of an item means when it is no record: the line of a file. Undoing
        works on the items of the run that it takes back."""
        key = self.run.params.get("action") if self.run.action == "undo" else self.run.action
        return str(getattr(REGISTRY.get(str(key)), "item_label", ""))

    @property
    def revert_note(self) -> str:
        """What undoing it does besides putting back what it changed."""
        return str(getattr(self.action, "revert_note", ""))

    @property
    def known(self) -> str:
        """What a page that shows it knows: `id:state:quarter`."""
        return f"{self.id}:{self.state}:{self.quarter}"

    def milestone(self, state: str, quarter: int) -> str:
        """What to say aloud to somebody who last saw it in `state`, at `quarter`; often nothing."""
        if self.state != state and not (state == "queued" and self.state == "running"):
            if self.state == "completed":
                done = f"{self.progress.succeeded:,} succeeded"
                if self.progress.skipped:
                    done += f", {self.progress.skipped:,} skipped"
                if self.errors:
                    done += f", {self.errors:,} failed"
                return f"{self.run.name}: completed. {done}."
            return f"{self.run.name}: {self.state}."
        if self.quarter > quarter and not self.ended:
            return f"{self.run.name}: {25 * self.quarter} % done."
        return ""


def views(runs: Iterable[Run], user: User) -> list[RunView]:
    """The runs as pages show them, in the same order."""
    runs = list(runs)
    progress = progress_of(runs)
    # A poll asks every two seconds: of a run that is under way, its progress is news, no more.
    undone = undoings([run.id for run in runs if run.state in ENDED])
    others = {run.user_id for run in runs} - {user.id}
    names = {user.id: user.name} | (user_names(others) if others else {})
    return [
        RunView(
            run,
            progress[run.id],
            offers_of(run, user, undone.get(run.id)),
            names.get(run.user_id, f"user {run.user_id}"),
            undone.get(run.id),
        )
        for run in runs
    ]


def view_of(run: Run, user: User) -> RunView:
    """One run as pages show it."""
    return views([run], user)[0]


def user_names(ids: Iterable[int] | None = None) -> dict[int, str]:
    """Names of people by id: of these, or of everybody, in alphabetical order."""
    statement = select(User.id, User.name).order_by(User.name, User.id)
    if ids is not None:
        statement = statement.where(User.id.in_(list(ids)))
    return {row.id: row.name for row in db.session.execute(statement)}


def person() -> User:
    """Whoever is signed in, as the row itself."""
    user: User = current_user._get_current_object()
    return user


def run_or_404(run_id: int) -> Run:
    """A run that the person may see; else the answer is 404."""
    return find_run(run_id, person()) or abort(404)


def module_of(run: Run) -> Module:
    """The module of a run; 404 when it is not there any more."""
    try:
        return get_module(run.module)
    except UnknownModule:
        abort(404)
