"""Users, roles, permissions, sessions, and the audit log."""

from __future__ import annotations

from flask import Flask

from massadmin.auth import sessions
from massadmin.auth.models import AuditEntry, SignInAttempt, User, UserSession
from massadmin.extensions import login_manager

__all__ = ["AuditEntry", "SignInAttempt", "User", "UserSession", "init_app"]


def init_app(app: Flask) -> None:
    """Let Flask-Login find people by the secret in their cookie."""
    login_manager.init_app(app)
    # Flask-Login's own guess by address and browser would sign out people who change networks.
    login_manager.session_protection = None
    login_manager.user_loader(sessions.user_of)
