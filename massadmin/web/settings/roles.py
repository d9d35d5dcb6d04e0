"""What each role may do, for everybody to read."""

from __future__ import annotations

from flask import render_template

from massadmin.auth.permissions import ROLE_HELP, ROLES, matrix
from massadmin.web.access import signed_in
from massadmin.web.settings import Tab, bp

TAB = Tab(label="Roles", endpoint="settings.roles", order=30)


@bp.get("/roles")
@signed_in
def roles() -> str:
    return render_template("settings/roles.html", roles=ROLES, help=ROLE_HELP, matrix=matrix())
