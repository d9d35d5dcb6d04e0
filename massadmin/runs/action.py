"""The Action base class, the form it asks with, and the registry of actions.

An action is code: one kind of thing that can be done to records. It says what it needs from the
user (a form), and changes one chunk of records by SQL, writing what happened to each as results
in the same transaction. What it does not mention is recorded by the engine as skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from werkzeug.datastructures import MultiDict
from wtforms import Form, RadioField
from wtforms.validators import ValidationError

from massadmin.auth.models import User
from massadmin.records.modules import MODULES, Module
from massadmin.runs.chunk import Chunk


class BadParams(ValueError):
    """Settings that an action cannot work with. `errors` maps field names to messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(" ".join(message for each in errors.values() for message in each))


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
        chunk_size: records of every chunk, whatever the settings say.
        largest_chunk: of a chunk at most, where each record takes so long that one as large as the
            settings allow would keep people waiting for a pause.
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
    largest_chunk: ClassVar[int | None] = None

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
