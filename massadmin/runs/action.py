"""The Action base class, the chunk it works on, and the registry of actions.

An action is code: one kind of thing that can be done to records. It says what it needs from the
user (a form), and changes one chunk of records by SQL, writing what happened to each as results
in the same transaction. What it does not mention is recorded by the engine as skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy import text
from werkzeug.datastructures import MultiDict
from wtforms import Form, RadioField
from wtforms.validators import ValidationError

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import MODULES, Module
from massadmin.runs.models import Outcome


class BadParams(ValueError):
    """Settings that an action cannot work with. `errors` maps field names to messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(" ".join(message for each in errors.values() for message in each))


class TryLater(Exception):
    """The chunk cannot be worked on now, through no fault of its records: a full disk, say.

    The chunk is put off and tried again; in the end the run holds with the message as its reason.
    """


def one_of(form: Form, field: RadioField) -> None:
    """A validator that names the choices; with `validate_choice=False`, it is the only one."""
    known = [value for value, *_ in field.iter_choices()]
    if field.data not in known:
        given = str(field.data or "")[:60]
        raise ValidationError(f"{field.label.text}: “{given}” is none of {', '.join(known)}.")


class ActionForm(Form):
    """What an action asks the user; a subclass lists its fields."""

    def setup(self, module: Module, user: User) -> None:
        """Fill in choices that depend on the module or the user."""

    def params(self) -> dict[str, Any]:
        """The settings as JSON, from valid data."""
        return dict(self.data)


@dataclass
class Chunk:
    """Some ids of one run, being worked on inside one transaction.

    `ids` are record ids, or whatever the action froze. `rehearsal` is true in a preview, whose
    transaction is rolled back: an action only minds it when it writes outside the database.
    `original` is the run being undone. `position` is the place of the first id among all ids of
    the run. `tally` counts the results written so far.
    """

    run_id: int
    seq: int
    module: Module
    ids: list[int]
    params: dict[str, Any]
    user: User
    original: int | None = None
    rehearsal: bool = False
    position: int = 0
    tally: Counter[str] = field(default_factory=Counter)

    def reach(self, alias: str = "t", *, trash: bool = False) -> str:
        """SQL that is true of the records the run's user may touch, as `alias` of the table.

        The records are those of the chunk, so they are found by their ids. For the trash it is
        said so that its index does not offer itself: after a big deletion, when the statistics
        think it small, each chunk would walk through all of it. The same is true of the owner, when
        the statistics know of none or few of their records: each result would be compared with all
        of them.
        """
        clause = f"{alias}.deleted_at IS NULL"
        if trash:
            clause = f"coalesce({alias}.deleted_at, '-infinity') > '-infinity'"
        if not self.user.sees_all_records:
            clause += f" AND coalesce({alias}.owner_id, 0) = :user_id"
        return clause

    def without_result(self, item: str) -> str:
        """SQL that is true of an `item` (an expression) that has no result yet.

        Said this way, each is looked up in the key. As NOT EXISTS it becomes a join, and one of
        all with all while the statistics have not heard of the run.
        """
        return f"""(SELECT r.item FROM run_results AS r
            WHERE r.run_id = :run_id AND r.item = {item}) IS NULL"""  # noqa: S608 - the actions' own SQL

    def execute(self, sql: str, **binds: Any) -> Any:
        """Run SQL with the chunk's own parameters: :ids, :run_id, :seq, :user_id, :original."""
        return db.session.execute(
            text(sql),
            {
                # As PostgreSQL writes an array: the driver takes several times as long for it.
                "ids": f"{{{','.join(map(str, self.ids))}}}",
                "run_id": self.run_id,
                "seq": self.seq,
                "user_id": self.user.id,
                "original": self.original,
                **binds,
            },
        )

    def succeed(self, changing: str, *, first: str = "", **binds: Any) -> int:
        """Change records and record each as succeeded; how many they were.

        `changing` is SQL that returns `id, reason, before, after` (the two jsonb, changed fields
        only) for each record it changed. A change that it only reads from goes into `first`, as
        `name AS (INSERT … RETURNING …)`. PostgreSQL hands out old and new values in the UPDATE
        itself, so what is recorded is what was written even when somebody edits meanwhile.
        """
        columns = "id, id, reason, before, after"
        return self.write("succeeded", changing, columns, first=first, **binds)

    def skip(self, selecting: str, **binds: Any) -> int:
        """Record as skipped what `selecting` returns as `id, reason`."""
        return self.write("skipped", selecting, "id, id, reason, NULL, NULL", **binds)

    def fail(self, selecting: str, **binds: Any) -> int:
        """Record as failed what `selecting` returns as `id, reason`."""
        return self.write("failed", selecting, "id, id, reason, NULL, NULL", **binds)

    def write(
        self, outcome: Outcome, source: str, columns: str, *, first: str = "", **binds: Any
    ) -> int:
        """Insert results of this outcome from SQL `source`, which may change records; `columns`
        yields item, record_id, reason, before, after from its rows. `first` as in `succeed`.

        Adds to the tally; how many results were written.
        """
        written = self.execute(
            f"""
            WITH {first + "," if first else ""} source AS ({source})
            INSERT INTO run_results (run_id, seq, item, record_id, outcome, reason, before, after)
            SELECT :run_id, :seq, item, record_id, '{outcome}', reason, before::jsonb, after::jsonb
            FROM (SELECT {columns} FROM source)
                AS result (item, record_id, reason, before, after)
            """,  # noqa: S608 - the fragments are the actions' own SQL, values are bound
            **binds,
        ).rowcount
        self.tally[outcome] += written
        return int(written)


class Action:
    """One kind of bulk action; a subclass in a file of its own is all it takes to add one.

    Attributes:
        permission: the verb a user needs in the module, such as `tag` for `contacts.tag`.
        modules: keys of the modules it works in.
        confirm_word: what the user must type, for actions that cannot easily be taken back.
        trash: works on deleted records instead of live ones.
        reversible: has a `revert`.
        revert_in_trash: what `revert` works on lies in the trash.
        retryable: failed records can be tried again in a new run.
        unchanged: the reason recorded for records that already were as asked.
        listed: offered above lists; otherwise it has a page of its own.
        slow_to_finish: its `finish` may take minutes, so workers do one such at a time.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    icon: ClassVar[str]
    permission: ClassVar[str]
    modules: ClassVar[tuple[str, ...]] = tuple(MODULES)
    Form: ClassVar[type[ActionForm]] = ActionForm
    template: ClassVar[str | None] = None
    confirm_word: ClassVar[str | None] = None
    trash: ClassVar[bool] = False
    reversible: ClassVar[bool] = True
    revert_in_trash: ClassVar[bool] = False
    retryable: ClassVar[bool] = True
    listed: ClassVar[bool] = True
    slow_to_finish: ClassVar[bool] = False
    unchanged: ClassVar[str] = "Already so"
    chunk_size: ClassVar[int | None] = None

    @property
    def consequences(self) -> str:
        """What the user should know before confirming, in sentences; mostly nothing."""
        return ""

    def form(self, data: MultiDict[str, str] | None, module: Module, user: User) -> ActionForm:
        """The form, bound to `data`, with its choices filled in."""
        form = self.Form(data)
        form.setup(module, user)
        return form

    def setting_names(self, form: ActionForm) -> list[str]:
        """The names under which the command line takes settings; FIELD stands for any field."""
        return list(form._fields)

    def params(self, data: MultiDict[str, str], module: Module, user: User) -> dict[str, Any]:
        """The settings in `data`, checked, as JSON.

        Raises:
            BadParams: they are incomplete or wrong.
        """
        form = self.form(data, module, user)
        if not form.validate():
            raise BadParams({name: list(map(str, found)) for name, found in form.errors.items()})
        return form.params()

    def prepare(self, params: dict[str, Any], module: Module, user: User) -> dict[str, Any]:
        """Complete the settings in the transaction that starts (or previews) the run."""
        return params

    def needs(self, params: dict[str, Any]) -> str:
        """The verb a user needs in the module to do this with these settings."""
        return self.permission

    def summary(self, params: dict[str, Any], module: Module) -> str:
        """What the run does, in a few words: “Add tags vip, 2026”."""
        return self.label

    def apply(self, chunk: Chunk) -> None:
        """Do it to the chunk's records, set-wise, recording each that changed."""
        raise NotImplementedError

    def revert(self, chunk: Chunk) -> None:
        """Take back what run `chunk.original` did to these items, from its results."""
        raise NotImplementedError

    def settle(self, chunk: Chunk) -> None:
        """Record as skipped whatever `apply` left without a result."""
        table = chunk.module.table.name
        mine = "true" if chunk.user.sees_all_records else "t.owner_id = :user_id"
        gone = "Not in the trash any more" if self.trash else "Deleted since it was selected"
        chunk.skip(
            f"""
            SELECT i.id, CASE
                WHEN t.id IS NULL THEN 'No longer exists'
                WHEN (t.deleted_at IS NULL) = :trash THEN :gone
                WHEN NOT ({mine}) THEN 'Not one of your records'
                ELSE :unchanged END AS reason
            FROM unnest(CAST(:ids AS bigint[])) AS i (id)
            LEFT JOIN {table} AS t ON t.id = i.id AND t.id = ANY(:ids)
            WHERE {chunk.without_result("i.id")}
            """,  # noqa: S608 - the table is the module's own, values are bound
            trash=self.trash,
            gone=gone,
            unchanged=self.unchanged,
        )

    def finish(self, run_id: int, params: dict[str, Any], module: Module) -> None:
        """Do what remains once every chunk is done; may run twice, so it must bear that."""


REGISTRY: dict[str, Action] = {}


class UnknownAction(LookupError):
    """A key that names no action, or none that works in the module."""


def register(action: Action) -> None:
    """Make an action known.

    Raises:
        ValueError: its key is taken by another action.
    """
    known = REGISTRY.get(action.key)
    if known is not None and type(known) is not type(action):
        raise ValueError(f"Two actions are called {action.key!r}: {known!r} and {action!r}.")
    REGISTRY[action.key] = action


def get_action(key: str, module: Module | None = None) -> Action:
    """The action called `key`.

    Raises:
        UnknownAction: there is none, or it does not work in `module`.
    """
    action = REGISTRY.get(key)
    if action is None or (module is not None and module.key not in action.modules):
        raise UnknownAction(f"There is no action “{key[:60]}”.")
    return action


def listed_actions(module: Module, *, trash: bool = False) -> Iterator[Action]:
    """The actions offered above a module's list (or above its trash), by label."""
    for action in sorted(REGISTRY.values(), key=lambda each: each.label):
        if action.listed and action.trash == trash and module.key in action.modules:
            yield action
