"""Settings of one's own: name, zone, password, how the console looks, where one is signed in."""

from __future__ import annotations

from flask import abort, current_app, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    Form,
    PasswordField,
    RadioField,
    StringField,
    ValidationError,
    validators,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # not in its stubs

from massadmin.auth import audit, passwords, people, sessions, sign_in
from massadmin.extensions import db
from massadmin.records.values import MAX_SHORT_ID, time_zones, whole_number
from massadmin.web.access import signed_in
from massadmin.web.answers import go, notice
from massadmin.web.settings import Tab, bp

TAB = Tab(label="Profile", endpoint="settings.profile", order=10)

DENSITIES = [
    SelectChoice("comfortable", "Comfortable, 40 px rows"),
    SelectChoice("standard", "Standard, 32 px rows"),
    SelectChoice("compact", "Compact, 28 px rows"),
]


class NameForm(Form):
    name = StringField(
        "Name", [validators.InputRequired("Enter a name."), validators.Length(max=200)]
    )
    timezone = StringField("Time zone")

    def validate_timezone(self, field: StringField) -> None:
        if field.data and field.data not in time_zones():
            raise ValidationError(
                f"There is no time zone {field.data!r}; choose one from the list."
            )


class PasswordForm(Form):
    current = PasswordField("Current password")
    new = PasswordField(
        "New password",
        description=f"At least {passwords.MIN_CHARS} characters; a sentence is good.",
    )


class LooksForm(Form):
    density = RadioField("Rows in lists", choices=DENSITIES)
    shortcuts = BooleanField(
        "Single-key shortcuts", description="j, k, x, e and the like, where no text is being typed."
    )


@bp.get("/profile")
@signed_in
def profile() -> str:
    return _page()


@bp.post("/profile/name")
@signed_in
def profile_name() -> Response | tuple[str, int]:
    form = NameForm(request.form)
    if not form.validate():
        return _page(name=form), 422
    try:
        people.set_profile(
            current_user, name=form.name.data or "", timezone=form.timezone.data or None
        )
    except people.Refused as refused:
        form[refused.field].errors = [str(refused)]
        return _page(name=form), 422
    db.session.commit()
    return _saved("Saved your name and time zone.")


@bp.post("/profile/password")
@signed_in
def profile_password() -> Response | tuple[str, int]:
    form = PasswordForm(request.form)
    address = request.remote_addr or ""
    try:
        if sign_in.check(current_user.email, form.current.data or "", address=address) is None:
            raise people.Refused("This is not your current password.", "current")
        people.set_password(
            current_user,
            form.new.data or "",
            keep_session=current_user.session_token,
            address=address,
        )
    except sign_in.Throttled:
        form.current.errors = ["Too many attempts. Try again in some minutes."]
        return _page(password=form), 429
    except people.Refused as refused:
        (form.current if refused.field == "current" else form.new).errors = [str(refused)]
        return _page(password=form), 422
    db.session.commit()
    return _saved("Changed your password. Other browsers were signed out.")


@bp.post("/profile/looks")
@signed_in
def profile_looks() -> Response | tuple[str, int]:
    form = LooksForm(request.form)
    if not form.validate():
        return _page(looks=form), 422
    people.set_preference(current_user, "density", form.density.data)
    people.set_preference(current_user, "shortcuts", bool(form.shortcuts.data))
    db.session.commit()
    return _saved("Saved how the console looks and behaves.")


@bp.post("/profile/sessions/end")
@signed_in
def profile_end_sessions() -> Response:
    """End the session that the form names, or all others when it names none."""
    wanted = request.form.get("session", "")
    if wanted:
        session_id = whole_number(wanted, MAX_SHORT_ID)
        if session_id is None or not sessions.end_one(current_user, session_id):
            abort(404)
        ended = 1
    else:
        ended = sessions.end_all(current_user, keep=current_user.session_token)
    audit.record(
        "sessions_ended",
        user=current_user,
        subject=current_user.email,
        details={"sessions": ended},
        address=request.remote_addr or "",
    )
    db.session.commit()
    return _saved("Signed out one other browser." if ended == 1 else f"Signed out {ended} others.")


def _saved(text: str) -> Response:
    notice(text)
    return go(url_for("settings.profile"))


def _page(
    name: NameForm | None = None,
    password: PasswordForm | None = None,
    looks: LooksForm | None = None,
) -> str:
    return render_template(
        "settings/profile.html",
        name_form=name or NameForm(name=current_user.name, timezone=current_user.timezone or ""),
        password_form=password or PasswordForm(),
        looks_form=looks
        or LooksForm(
            density=current_user.preference("density", "standard"),
            shortcuts=current_user.preference("shortcuts", True),
        ),
        zones=time_zones(),
        default_zone=current_app.config["SETTINGS"].timezone,
        sessions=[
            (each, sessions.is_current(each, current_user.session_token), _browser(each.agent))
            for each in sessions.of(current_user)
        ],
    )


def _browser(agent: str) -> str:
    """`Firefox on Linux`, as far as the user agent says."""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"))
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    )
    name = next((label for mark, label in names if mark in agent), "")
    name = name or ("Safari" if "Safari/" in agent else "A browser")
    system = next((label for mark, label in systems if mark in agent), "")
    return f"{name} on {system}" if system else name
