"""Custom fields: what admins add to a module, in which order, and how they are taken away."""

from __future__ import annotations

from typing import Any

from flask import abort, make_response, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import Form, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from massadmin.extensions import db
from massadmin.records import custom_fields
from massadmin.records.custom_fields import TYPE_LABELS, BadField
from massadmin.records.modules import MODULES, CustomField, Module, get_module
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, fragments, go, notice
from massadmin.web.settings import Tab, bp

TAB = Tab(label="Fields", endpoint="settings.fields", order=50, permission="settings.manage")
MODULE = f"/fields/<any({','.join(MODULES)}):module>"
FIELD = MODULE + "/<int(max=2147483647):field_id>"
WORD = "DELETE"


class FieldForm(Form):
    """A new field."""

    label = StringField("Name", render_kw={"maxlength": 60, "autocomplete": "off"})
    type = RadioField(
        "Type", choices=[SelectChoice(*each) for each in TYPE_LABELS.items()], default="text"
    )
    choices = TextAreaField(
        "Choices", description="One on each line. Only fields of type Choice have them."
    )


class ChangeForm(Form):
    """A field that exists: its type stays, because records hold values of it."""

    label = StringField("Name", render_kw={"maxlength": 60, "autocomplete": "off"})
    choices = TextAreaField(
        "Choices", description="One on each line. Records keep a choice that is taken away."
    )


class DeleteForm(Form):
    """The word that says it is meant."""

    word = StringField(f"Type {WORD} to confirm", render_kw={"autocomplete": "off"})


@bp.get("/fields")
@permission("settings.manage")
def fields() -> Response:
    return make_response(
        render_template("settings/fields.html", modules=_modules(), types=TYPE_LABELS)
    )


@bp.get(MODULE + "/add")
@permission("settings.manage")
def fields_add_form(module: str) -> Response:
    return _dialog("add", get_module(module), FieldForm())


@bp.post(MODULE + "/add")
@permission("settings.manage")
def fields_add(module: str) -> Response:
    found, form = get_module(module), FieldForm(request.form)
    try:
        field = custom_fields.add_field(
            found,
            form.label.data or "",
            form.type.data or "",
            (form.choices.data or "").splitlines(),
            current_user,
            address=request.remote_addr or "",
        )
    except BadField as error:
        return _refused("add", found, form, error)
    db.session.commit()
    return _done(found, f"Added the field “{field.label}”.")


@bp.get(FIELD + "/change")
@permission("settings.manage")
def fields_change_form(module: str, field_id: int) -> Response:
    found = get_module(module)
    field = _field(found, field_id)
    form = ChangeForm(label=field.label, choices="\n".join(field.choices))
    return _dialog("change", found, form, field)


@bp.post(FIELD + "/change")
@permission("settings.manage")
def fields_change(module: str, field_id: int) -> Response:
    found, form = get_module(module), ChangeForm(request.form)
    field = _field(found, field_id)
    try:
        custom_fields.change_field(
            found,
            field,
            form.label.data or "",
            (form.choices.data or "").splitlines(),
            current_user,
            address=request.remote_addr or "",
        )
    except BadField as error:
        return _refused("change", found, form, error, field)
    db.session.commit()
    return _done(found, f"Saved the field “{field.label}”.")


@bp.post(FIELD + "/move")
@permission("settings.manage")
def fields_move(module: str, field_id: int) -> Response:
    """One place up or down, as `step` says."""
    found = get_module(module)
    custom_fields.move_field(
        found, _field(found, field_id), -1 if request.form.get("step") == "up" else 1
    )
    db.session.commit()
    return _done(found)


@bp.get(FIELD + "/delete")
@permission("settings.manage")
def fields_delete_form(module: str, field_id: int) -> Response:
    found = get_module(module)
    return _dialog("delete", found, DeleteForm(), _field(found, field_id))


@bp.post(FIELD + "/delete")
@permission("settings.manage")
def fields_delete(module: str, field_id: int) -> Response:
    found, form = get_module(module), DeleteForm(request.form)
    field = _field(found, field_id)
    label = field.label
    if (form.word.data or "").strip() != WORD:
        error = BadField(f"Type {WORD} in capital letters to delete the field.", "word")
        return _refused("delete", found, form, error, field)
    gone = custom_fields.delete_field(found, field, current_user, address=request.remote_addr or "")
    words = f"its values on {gone:,} {found.label.lower()}" if gone else "nothing else"
    return _done(found, f"Deleted the field “{label}” and {words}.")


def _modules() -> list[tuple[Module, list[CustomField]]]:
    found = [get_module(key) for key in MODULES]
    return [(module, custom_fields.custom_fields(module)) for module in found]


def _field(module: Module, field_id: int) -> CustomField:
    return custom_fields.find_field(module, field_id) or abort(404)


def _dialog(
    kind: str, module: Module, form: Form, field: CustomField | None = None, status: int = 200
) -> Response:
    name = "settings/_field_dialog.html" if asked_by_htmx() else "settings/field_dialog.html"
    context: dict[str, Any] = {"kind": kind, "module": module, "form": form, "custom": field}
    if kind == "delete" and field is not None:
        context["values"] = custom_fields.count_values(module, field)
        context["lists"] = custom_fields.lists_with(module, field)
    return make_response(render_template(name, types=TYPE_LABELS, **context), status)


def _refused(
    kind: str, module: Module, form: Form, error: BadField, field: CustomField | None = None
) -> Response:
    db.session.rollback()
    about = form[error.about] if error.about in form else next(iter(form))
    about.errors = [str(error)]
    return _dialog(kind, module, form, field, 422)


def _done(module: Module, text: str = "") -> Response:
    if text:
        notice(text)
    if not asked_by_htmx():
        return go(url_for("settings.fields"))
    html = render_template(
        "settings/_fields.html",
        module=module,
        custom=custom_fields.custom_fields(module),
        types=TYPE_LABELS,
    )
    return fragments(html, close_dialog=True, retarget=f"#fields-{module.key}")
