"""Update fields: several fields at once, each set, cleared, copied, replaced in, or added to."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import FieldList, FormField, SelectField, StringField
from wtforms import Form as WTForm
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import ValidationError

from massadmin.auth.models import User
from massadmin.records.as_json import json_object
from massadmin.records.field_changes import Change, Expressions
from massadmin.records.fields import TEXTUAL, Field
from massadmin.records.modules import Module
from massadmin.records.values import BadValue, parse, to_json
from massadmin.runs.action import Action, ActionForm
from massadmin.runs.chunk import Chunk
from massadmin.runs.put_back import put_back

OPERATIONS = {
    "set": "Set to",
    "clear": "Clear",
    "copy": "Copy from",
    "replace": "Find and replace",
    "add": "Add to number",
}
MAX_CHANGES = 20


def updatable(module: Module) -> list[Field]:
    """The fields that this action writes; owners and tags have actions of their own."""
    return [
        field for field in module.fields if field.editable and field.type not in ("tags", "user")
    ]


def operations_of(field: Field) -> tuple[str, ...]:
    """What can be done to a field of this type."""
    if field.type == "boolean":
        # The built-in flags are either on or off; only custom ones can also be unknown.
        return ("set", "clear", "copy") if field.custom else ("set", "copy")
    if field.type == "number":
        return ("set", "clear", "copy", "add")
    if field.type in TEXTUAL and (field.type != "choice" or field.open_choices):
        return ("set", "clear", "copy", "replace")
    return ("set", "clear", "copy")


class ChangeForm(WTForm):
    """One row: a field, what to do to it, and with what."""

    field = SelectField("Field", validate_choice=False)
    op = SelectField(
        "Change", choices=[SelectChoice(*each) for each in OPERATIONS.items()], default="set"
    )
    value = StringField("Value")
    find = StringField("Find")


class UpdateFieldsForm(ActionForm):
    """Rows of changes: `change-0-field`, `change-0-op`, `change-0-value`, `change-0-find` …"""

    change = FieldList(FormField(ChangeForm), "Changes", min_entries=1, max_entries=MAX_CHANGES)

    def setup(self, module: Module, user: User) -> None:
        """Offer the module's fields in every row."""
        self._module, self._user = module, user
        self._updatable = {field.key: field for field in updatable(module)}
        for row in self.change:
            row.form.field.choices = [
                SelectChoice("", "Choose a field"),
                *(SelectChoice(field.key, field.label) for field in self._updatable.values()),
            ]

    def validate_change(self, rows: FieldList[Any]) -> None:
        """Every filled row makes sense, and no field is changed twice."""
        self._changes: list[dict[str, Any]] = []
        for row in rows:
            if row.form.field.data:
                self._changes.append(self._checked(row.form))
        if not self._changes:
            raise ValidationError("Choose at least one field to change.")
        keys = [change["field"] for change in self._changes]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice:
            raise ValidationError(f"{self._updatable[twice].label} is changed twice.")

    def _checked(self, row: WTForm) -> dict[str, Any]:
        key, op = str(row["field"].data), str(row["op"].data)
        field = self._updatable.get(key)
        if field is None:
            raise ValidationError(
                f"There is no field “{key[:60]}” that could be updated. "
                f"There are {', '.join(self._updatable)}."
            )
        if op not in operations_of(field):
            raise ValidationError(f"{field.label} cannot be changed with “{OPERATIONS[op]}”.")
        change: dict[str, Any] = {"field": key, "op": op}
        raw = row["value"].data or ""
        if op in ("set", "add"):
            try:
                value = parse(field, raw, zone=self._user.zone)
            except BadValue as error:
                raise ValidationError(str(error)) from error
            if value is None:
                raise ValidationError(f"{field.label}: give a value, or choose “Clear”.")
            change["value"] = to_json(value)
        elif op == "copy":
            change["from"] = self._copied(field, raw).key
        elif op == "replace":
            if not row["find"].data:
                raise ValidationError(f"{field.label}: say what to find.")
            if "\x00" in raw + row["find"].data:
                raise ValidationError(f"{field.label} cannot hold a NUL character.")
            change |= {"find": row["find"].data, "value": raw}
        return change

    def _copied(self, field: Field, key: str) -> Field:
        source = {each.key: each for each in self._module.fields}.get(key)
        if source is None or source.type == "tags" or source.key == field.key:
            raise ValidationError(f"{field.label}: there is no field “{key[:60]}” to copy from.")
        if source.type != field.type and field.type != "text":
            raise ValidationError(f"{source.label} cannot be copied to {field.label}.")
        return source

    def params(self) -> dict[str, Any]:
        """`{"changes": [{"field", "op", …}, …]}`"""
        return {"changes": self._changes}


class UpdateFields(Action):
    """Results: `before` and `after` hold every field that the run writes."""

    key, label, icon, permission = "update_fields", "Update fields", "pencil", "edit"
    Form = UpdateFieldsForm
    template = "actions/update_fields.html"

    def form(self, data: MultiDict[str, str] | None, module: Module, user: User) -> ActionForm:
        """The form; `set.city=Oslo` and its like are understood as rows."""
        return super().form(None if data is None else _rows_of(data), module, user)

    def setting_names(self, form: ActionForm) -> list[str]:
        return ["set.FIELD", "clear", "copy.FIELD", "replace.FIELD", "add.FIELD"]

    def summary(self, params: dict[str, Any], module: Module) -> str:
        return "; ".join(
            _words({field.key: field for field in module.fields}, each)
            for each in params["changes"]
        )

    def apply(self, chunk: Chunk) -> None:
        """What was to change a field that is gone, or of another type by now, is left out."""
        known = {field.key: field for field in chunk.module.fields}
        changes = [
            Change(
                field=known[each["field"]],
                op=each["op"],
                value=each.get("value"),
                find=each.get("find"),
                source=known[each["from"]] if "from" in each else None,
            )
            for each in chunk.params["changes"]
            if _is_possible(each, known)
        ]
        if not changes:
            chunk.fail(
                "SELECT unnest(CAST(:ids AS bigint[])) AS id, CAST(:reason AS text) AS reason",
                reason="There is no such field any more",
            )
            return
        expressions = Expressions(chunk.module, changes)
        table = chunk.module.table.name
        for bad, reason in expressions.refusals():
            chunk.fail(
                f"""
                SELECT t.id, CAST(:reason AS text) AS reason FROM {table} AS t
                WHERE t.id = ANY(:ids) AND {chunk.reach()} AND ({bad})
                  AND {chunk.without_result("t.id")}
                """,  # noqa: S608 - expressions are built from declared columns, values are bound
                reason=reason,
                **expressions.binds,
            )
        fields = [change.field for change in changes]
        written = expressions.written()
        # As a subquery it is made once, not for every record.
        after = f"(SELECT {written})" if written else json_object(fields, "new")
        chunk.succeed(
            f"""
            UPDATE {table} AS t SET {expressions.assignments()}, updated_at = now()
            WHERE t.id = ANY(:ids) AND {chunk.reach()} AND ({expressions.differs()})
              AND NOT ({expressions.refused()})
            RETURNING t.id, NULL AS reason,
                {json_object(fields, "old")} AS before, {after} AS after
            """,  # noqa: S608 - expressions are built from declared columns, values are bound
            **expressions.binds,
        )

    def revert(self, chunk: Chunk) -> None:
        put_back(chunk)


def _is_possible(change: dict[str, Any], known: dict[str, Field]) -> bool:
    field, source = known.get(change["field"]), known.get(change.get("from", change["field"]))
    if field is None or source is None or change["op"] not in operations_of(field):
        return False
    if change["op"] == "copy":
        return source.type == field.type or field.type == "text"
    if change["op"] == "set" and field.custom:
        try:
            return bool(to_json(parse(field, str(change["value"]))) == change["value"])
        except BadValue:
            return False
    return True


def _words(fields: dict[str, Field], change: dict[str, Any]) -> str:
    label = fields[change["field"]].label if change["field"] in fields else change["field"]
    match change["op"]:
        case "set":
            value = change["value"]
            shown = {True: "yes", False: "no"}.get(value, value) if value in (0, 1) else value
            return f"Set {label} to {shown}"
        case "clear":
            return f"Clear {label}"
        case "copy":
            source = fields.get(change["from"])
            return f"Copy {source.label if source else change['from']} to {label}"
        case "replace":
            return f"Replace “{change['find']}” by “{change['value']}” in {label}"
    return f"Add {change['value']} to {label}"


def _rows_of(data: MultiDict[str, str]) -> MultiDict[str, str]:
    """Understand `set.city=Oslo`, `clear=phone,state`, `copy.city=state`, `add.custom.score=5` and
    `replace.email=@old.example=>@new.example`, the command line's way to write rows."""
    rows: list[tuple[str, str, str, str]] = []
    rest: list[tuple[str, str]] = []
    for key, value in data.items(multi=True):
        op, _, field = key.partition(".")
        if key == "clear":
            rows += [(each.strip(), "clear", "", "") for each in value.split(",") if each.strip()]
        elif op == "replace" and field:
            find, _, replacement = value.partition("=>")
            rows.append((field, op, replacement, find))
        elif op in OPERATIONS and field:
            rows.append((field, op, value, ""))
        else:
            rest.append((key, value))
    if not rows:
        return data
    for number, (field, op, value, find) in enumerate(rows):
        names = {"field": field, "op": op, "value": value, "find": find}
        rest += [(f"change-{number}-{name}", each) for name, each in names.items()]
    return MultiDict(rest)
