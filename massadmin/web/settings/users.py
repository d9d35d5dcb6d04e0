"""People who may sign in, and what each role may do."""

from __future__ import annotations

from flask import abort, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import Form, RadioField, StringField, validators
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # not in its stubs

from massadmin.auth import User, passwords, people
from massadmin.auth.permissions import ROLE_HELP, ROLES
from massadmin.extensions import db
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, fragments, go, notice
from massadmin.web.settings import Tab, bp

TAB = Tab(label="Users", endpoint="settings.users", order=20, permission="users.manage")

_ROLE_CHOICES = [
    SelectChoice(
        key, Markup('<b>{}</b> <span class="muted">{}</span>').format(label, ROLE_HELP[key])
    )
    for key, label in ROLES.items()
]


class AddForm(Form):
    email = StringField("E-mail", [validators.InputRequired("Enter an e-mail address.")])
    name = StringField(
        "Name", [validators.InputRequired("Enter a name."), validators.Length(max=200)]
    )
    role = RadioField("Role", choices=_ROLE_CHOICES, default="member")
    password = StringField(
        "Password",
        description="Shown only here. Hand it over; they can change it in their profile.",
    )


class RoleForm(Form):
    role = RadioField("Role", choices=_ROLE_CHOICES)


class NewPasswordForm(Form):
    password = StringField(
        "New password", description="Shown only here. Every browser they use will be signed out."
    )


@bp.get("/users")
@permission("users.manage")
def users() -> str:
    return render_template("settings/users.html", users=people.everybody())


@bp.get("/users/add")
@permission("users.manage")
def users_add_form() -> str:
    return _dialog("add", AddForm(password=passwords.generate()))


@bp.post("/users/add")
@permission("users.manage")
def users_add() -> Response | tuple[str, int]:
    form = AddForm(request.form)
    if not form.validate():
        return _dialog("add", form), 422
    try:
        user = people.create_user(
            form.email.data or "",
            form.password.data or "",
            role=form.role.data or "",
            name=form.name.data or "",
            by=current_user,
            address=request.remote_addr or "",
        )
    except people.Refused as refused:
        return _refused("add", form, refused)
    return _done(f"Added {user.name}. They can sign in now.")


@bp.get("/users/<int(max=2147483647):user_id>/role")
@permission("users.manage")
def users_role_form(user_id: int) -> str:
    user = _user(user_id)
    return _dialog("role", RoleForm(role=user.role), user)


@bp.post("/users/<int(max=2147483647):user_id>/role")
@permission("users.manage")
def users_role(user_id: int) -> Response | tuple[str, int]:
    user, form = _user(user_id), RoleForm(request.form)
    if not form.validate():
        return _dialog("role", form, user), 422
    try:
        people.set_role(
            user, form.role.data or "", by=current_user, address=request.remote_addr or ""
        )
    except people.Refused as refused:
        return _refused("role", form, refused, user)
    return _done(f"{user.name} is now {user.role_label}.")


@bp.get("/users/<int(max=2147483647):user_id>/password")
@permission("users.manage")
def users_password_form(user_id: int) -> str:
    return _dialog("password", NewPasswordForm(password=passwords.generate()), _user(user_id))


@bp.post("/users/<int(max=2147483647):user_id>/password")
@permission("users.manage")
def users_password(user_id: int) -> Response | tuple[str, int]:
    user, form = _user(user_id), NewPasswordForm(request.form)
    try:
        people.set_password(
            user,
            form.password.data or "",
            by=current_user,
            keep_session=current_user.session_token,
            address=request.remote_addr or "",
        )
    except people.Refused as refused:
        return _refused("password", form, refused, user)
    return _done(f"{user.name} has a new password.")


@bp.post("/users/<int(max=2147483647):user_id>/active")
@permission("users.manage")
def users_active(user_id: int) -> Response:
    """Shut somebody out, or let them in again; a click undoes the other."""
    user, active = _user(user_id), request.form.get("active") == "1"
    try:
        people.set_active(user, active, by=current_user, address=request.remote_addr or "")
    except people.Refused as refused:
        db.session.rollback()
        notice(str(refused) + ".", "error")
        return _list()
    return _done(f"{user.name} {'can sign in again' if active else 'is shut out and signed out'}.")


def _user(user_id: int) -> User:
    return db.session.get(User, user_id) or abort(404)


def _dialog(kind: str, form: Form, user: User | None = None) -> str:
    template = "settings/_user_dialog.html" if asked_by_htmx() else "settings/user_dialog.html"
    return render_template(template, kind=kind, form=form, user=user)


def _refused(
    kind: str, form: Form, refused: people.Refused, user: User | None = None
) -> tuple[str, int]:
    db.session.rollback()
    field = form[refused.field] if refused.field in form else next(iter(form))
    field.errors = [str(refused)]
    return _dialog(kind, form, user), 422


def _done(text: str) -> Response:
    db.session.commit()
    notice(text)
    return _list()


def _list() -> Response:
    if not asked_by_htmx():
        return go(url_for("settings.users"))
    table = render_template("settings/_users.html", users=people.everybody())
    return fragments(table, close_dialog=True, retarget="#users")
