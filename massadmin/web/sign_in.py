"""Signing in and out."""

from __future__ import annotations

import math

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response
from wtforms import Form, PasswordField, StringField

from massadmin.auth import audit, sessions, sign_in
from massadmin.extensions import db
from massadmin.web.access import public, safe_path
from massadmin.web.answers import go

bp = Blueprint("sign_in", __name__)

WRONG = "The e-mail address or the password is not right."


class SignInForm(Form):
    email = StringField("E-mail")
    password = PasswordField("Password")


@bp.get("/sign-in")
@public
def form() -> str | Response:
    target = _target(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(target or url_for("console.home"))
    return _page(SignInForm(), target)


@bp.post("/sign-in")
@public
def enter() -> tuple[str, int] | Response:
    given = SignInForm(request.form)
    target = _target(request.form.get("next"))
    address = request.remote_addr or ""
    try:
        user = sign_in.check(given.email.data or "", given.password.data or "", address=address)
    except sign_in.Throttled as throttled:
        minutes = math.ceil(throttled.seconds / 60)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        return _page(given, target, f"Too many attempts. Try again in {wait}."), 429
    if user is None:
        return _page(given, target, WRONG), 422
    if current_user.is_authenticated:
        sessions.end(current_user.session_token)
    session.clear()  # a new CSRF token and a new secret: nothing known before is worth anything now
    session.permanent = True
    sessions.start(user, address=address, agent=request.user_agent.string)
    audit.record("sign_in", user=user, subject=user.email, address=address)
    db.session.commit()
    login_user(user)
    return redirect(target or url_for("console.home"), 303)


@bp.post("/sign-out")
@public
def leave() -> Response:
    if current_user.is_authenticated:
        sessions.end(current_user.session_token)
        audit.record(
            "sign_out",
            user=current_user,
            subject=current_user.email,
            address=request.remote_addr or "",
        )
        db.session.commit()
    logout_user()
    session.clear()
    flash("You are signed out.", "success")
    return go(url_for("sign_in.form"))


def _target(given: str | None) -> str | None:
    """Where to go afterwards; not to this page again."""
    here = url_for("sign_in.form")
    target = safe_path(given)
    return None if target and target.partition("?")[0] == here else target


def _page(given: SignInForm, target: str | None, error: str = "") -> str:
    return render_template("sign_in/page.html", form=given, next=target, error=error)
