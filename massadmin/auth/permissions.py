"""Who may do what: a permission is `<module>.<verb>`, a role is a set of them.

Record permissions hold for every module alike, so that a new module needs no line here.
"""

from __future__ import annotations

from typing import Protocol

ROLES = {
    "admin": "Admin",
    "manager": "Manager",
    "support_lead": "Support lead",
    "member": "Member",
}

ROLE_HELP = {
    "admin": "Everything, including users, fields and settings.",
    "manager": "All records and everybody's bulk actions.",
    "support_lead": "Finds deleted records and brings them back; changes nothing else.",
    "member": "Works on the records they own. Cannot delete or export.",
}

RECORD_VERBS = {
    "view": "See records",
    "edit": "Edit records",
    "tag": "Add and remove tags",
    "assign": "Change the owner",
    "delete": "Delete records",
    "restore": "Restore deleted records",
    "import": "Import files",
    "export": "Export files",
}

CONSOLE_PERMISSIONS = {
    "runs.view_all": "See everybody's bulk actions",
    "runs.control": "Pause, resume and cancel everybody's bulk actions",
    "trash.view": "See the trash",
    "audit.view": "Read the audit log",
    "users.manage": "Add people and change their roles",
    "settings.manage": "Change fields and settings",
}

_RECORD_GRANTS = {
    "admin": frozenset(RECORD_VERBS),
    "manager": frozenset(RECORD_VERBS),
    "support_lead": frozenset({"view", "restore"}),
    "member": frozenset({"view", "edit", "tag", "import"}),
}

_CONSOLE_GRANTS = {
    "admin": frozenset(CONSOLE_PERMISSIONS),
    "manager": frozenset({"runs.view_all", "runs.control", "trash.view", "audit.view"}),
    "support_lead": frozenset({"trash.view"}),
    "member": frozenset[str](),
}

_CONSOLE_MODULES = frozenset(each.partition(".")[0] for each in CONSOLE_PERMISSIONS)


class HasRole(Protocol):
    """Anything that acts for somebody: a user row, or a stand-in for one."""

    @property
    def role(self) -> str: ...


def known(permission: str) -> bool:
    """Whether `permission` is one that a role could hold; catches typing mistakes in routes."""
    if permission in CONSOLE_PERMISSIONS:
        return True
    module, _, verb = permission.partition(".")
    return bool(module) and module not in _CONSOLE_MODULES and verb in RECORD_VERBS


def allows(role: str, permission: str) -> bool:
    """Whether `role` holds `permission`.

    Raises:
        ValueError: there is no such permission, so nobody could ever hold it.
    """
    if permission in CONSOLE_PERMISSIONS:
        return permission in _CONSOLE_GRANTS[role]
    if not known(permission):
        raise ValueError(f"{permission!r} is no permission; see massadmin/auth/permissions.py")
    return permission.partition(".")[2] in _RECORD_GRANTS[role]


def sees_all_records(user: HasRole) -> bool:
    """False for those who see only the records they own."""
    return user.role != "member"


def matrix() -> list[tuple[str, list[tuple[str, list[bool]]]]]:
    """The table for people: `[(group, [(label, [allowed, one per role in ROLES order])])]`."""
    records = [
        (label, [verb in _RECORD_GRANTS[role] for role in ROLES])
        for verb, label in RECORD_VERBS.items()
    ]
    console = [
        (label, [key in _CONSOLE_GRANTS[role] for role in ROLES])
        for key, label in CONSOLE_PERMISSIONS.items()
    ]
    return [("Records of every module", records), ("The console", console)]
