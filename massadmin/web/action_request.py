"""What is asked of the action dialog: which action, on which records, with what typed so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import abort
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from wtforms import Field as FormField

from massadmin.auth.models import User
from massadmin.records.filters import BadFilter, Query
from massadmin.records.modules import Module
from massadmin.records.selection import Selection, UnknownSelection, find_selection
from massadmin.records.values import whole_number
from massadmin.runs.action import Action, ActionForm
from massadmin.runs.audience import Audience, of_ids, of_query, of_selection
from massadmin.runs.results import record_names
from massadmin.web.runs.tabs import words_of

# The field of the typed word; it is asked for in the last step.
CONFIRM = "confirm"
# What names the records; exactly one of them is given.
AUDIENCES = ("selection", "ids", "deleted_run")
# Fields of the dialog itself, drawn anew by each step.
OWN = frozenset({"csrf_token", "step", "add", "remove", "expected", "idempotency_key", CONFIRM})
MOST_IDS = 1_000
# Records ticked by hand that are called by name; the others are counted.
MOST_NAMED = 3


@dataclass(frozen=True)
class Asked:
    """An action on an audience, and what was typed into its form so far (`data`)."""

    action: Action
    module: Module
    user: User
    data: MultiDict[str, str]
    audience: Audience
    selection: Selection | None = None

    def blank(self) -> ActionForm:
        """The form with nothing typed."""
        return self.action.form(None, self.module, self.user)

    def form(self, data: MultiDict[str, str] | None = None) -> ActionForm:
        """The form as it was filled in."""
        return self.action.form(self.data if data is None else data, self.module, self.user)

    def confirmed(self) -> MultiDict[str, str]:
        """What was typed, with the right word: a preview needs no confirmation."""
        data = self.data.copy()
        if self.action.confirm_word:
            data[CONFIRM] = self.action.confirm_word
        return data

    def questions(self, form: ActionForm) -> list[FormField]:
        """The fields of the first step."""
        return [each for each in form if each.name != CONFIRM]

    def again(self) -> Asked:
        """The same, read anew after the session was rolled back."""
        return ask(self.action, self.module, self.user, self.data)

    def noun(self, count: int) -> str:
        """What so many records are called."""
        return self.module.singular if count == 1 else self.module.label.lower()

    def carried(self) -> list[tuple[str, str]]:
        """What names the records, for the next step."""
        return [(name, self.data[name]) for name in AUDIENCES if self.data.get(name)]

    def typed(self) -> list[tuple[str, str]]:
        """What was filled in, for the next step."""
        return [pair for pair in self.data.items(multi=True) if pair[0] not in (*OWN, *AUDIENCES)]

    def words(self) -> str:
        """What is selected, in words; records ticked by hand by their names."""
        stored = self.audience.stored.get("filter")
        if stored:
            query = Query.from_json(stored)
            if query.deleted_run is not None:
                return f"what bulk action {query.deleted_run} deleted and is still in the trash"
            return words_of(query, self.module, len(self.audience.stored.get("excluded") or ()))
        ids = self.selection.ids if self.selection else _ids(self.data.get("ids", ""))
        names = record_names(self.module, ids[:MOST_NAMED], self.user)
        shown = [names[each].name for each in ids[:MOST_NAMED] if each in names]
        rest = len(ids) - len(shown)
        return ", ".join(filter(None, shown)) + (f" and {rest:,} more" if rest else "")

    def change_rows(self) -> None:
        """Give a list of rows one more (`add=change`) or one fewer (`remove=change-2`)."""
        name = self.data.get("add", "")
        rows: Any = next((each for each in self.blank() if each.name == name), ())
        for row in list(rows)[:1]:
            # WTForms knows rows by the keys there are, so any field of the new row will do.
            first = next(iter(row.form)).short_name
            taken = re.compile(rf"{re.escape(name)}-(\d{{1,4}})-")
            numbers = [int(found[1]) for key in self.data if (found := taken.match(key))]
            self.data[f"{name}-{max(numbers, default=-1) + 1}-{first}"] = ""
        gone = self.data.get("remove", "")
        if gone:
            for key in [each for each in self.data if each.startswith(f"{gone}-")]:
                del self.data[key]


def ask(action: Action, module: Module, user: User, data: MultiDict[str, str]) -> Asked:
    """Read what names the records; 400 and 409 are answered here."""
    data = MultiDict(data.items(multi=True))
    _join_tags(action, module, user, data)
    try:
        audience, selection = _audience(action, module, user, data)
    except (UnknownSelection, BadFilter) as error:
        abort(409, str(error))
    return Asked(action, module, user, data, audience, selection)


def _audience(
    action: Action, module: Module, user: User, data: MultiDict[str, str]
) -> tuple[Audience, Selection | None]:
    token, run = data.get("selection", ""), data.get("deleted_run", "")
    if token:
        selection = find_selection(token, user, module)
        if Query.from_json(selection.query).trash != action.trash:
            where = "deleted records in the trash" if action.trash else "records of the list"
            abort(409, f"“{action.label}” is for {where}.")
        return of_selection(selection, module, user), selection
    if data.get("ids"):
        return of_ids(_ids(data["ids"]), module, user, trash=action.trash), None
    deleted_run = whole_number(run)
    if deleted_run is not None and action.trash:
        return of_query(Query(trash=True, deleted_run=deleted_run), module, user), None
    raise BadRequest("Select some records first, then choose what to do to them.")


def _ids(raw: str) -> list[int]:
    parts = [whole_number(part.strip()) for part in raw.split(",") if part.strip()]
    ids = [part for part in parts if part is not None]
    if len(parts) > MOST_IDS or len(ids) < len(parts):
        abort(400, f"Records are named by at most {MOST_IDS:,} ids, separated by commas.")
    return ids


def _join_tags(action: Action, module: Module, user: User, data: MultiDict[str, str]) -> None:
    """Ticked tags and typed ones are sent under one name; the form reads one text of them all."""
    for each in action.form(None, module, user):
        if suggests_tags(each) and len(data.getlist(each.name)) > 1:
            data.setlist(each.name, [", ".join(filter(None, data.getlist(each.name)))])


def suggests_tags(field: Any) -> bool:
    """Whether a field takes names of tags."""
    return str((field.render_kw or {}).get("data-suggest", "")).startswith("tags")
