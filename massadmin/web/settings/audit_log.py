"""The audit log: who did what, newest first."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import render_template, request, url_for
from wtforms import Form, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # not in its stubs

from massadmin.auth import audit, people
from massadmin.auth.permissions import ROLES
from massadmin.records.modules import MODULES
from massadmin.records.values import MAX_SHORT_ID, whole_number
from massadmin.runs.action import REGISTRY
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx
from massadmin.web.formats import number, zone
from massadmin.web.settings import Tab, bp

TAB = Tab(label="Audit log", endpoint="settings.audit_log", order=80, permission="audit.view")

PER_PAGE = 50


class AuditForm(Form):
    q = StringField("Search")
    event = SelectField("Event", validate_choice=False)
    user = SelectField("Person", validate_choice=False)
    since = StringField("From")
    until = StringField("To")


@bp.get("/audit")
@permission("audit.view")
def audit_log() -> str:
    form = AuditForm(request.args)
    events = sorted(audit.EVENTS.items(), key=lambda each: each[1])
    form.event.choices = [SelectChoice("", "All events"), *(SelectChoice(*each) for each in events)]
    form.user.choices = [
        SelectChoice("", "Everybody"),
        *(SelectChoice(str(user.id), user.name) for user in people.everybody()),
    ]
    before = request.args.get("before", "")
    found = audit.entries(
        events=[form.event.data] if form.event.data else (),
        user_id=whole_number(form.user.data or "", MAX_SHORT_ID),
        text=(form.q.data or "").strip(),
        since=_midnight(form.since.data),
        until=_midnight(form.until.data, days=1),
        before_id=whole_number(before, MAX_SHORT_ID),
        limit=PER_PAGE + 1,
    )
    kept = {name: value for name, value in form.data.items() if value}
    older = None
    if len(found) > PER_PAGE:
        older = url_for("settings.audit_log", **kept, before=found[PER_PAGE - 1].id)
    template = "settings/_audit.html" if asked_by_htmx() else "settings/audit.html"
    return render_template(
        template,
        form=form,
        entries=found[:PER_PAGE],
        label=audit.label,
        words=_words,
        run_of=_run_of,
        older=older,
        newest=url_for("settings.audit_log", **kept) if before else None,
        filtered=bool(kept),
    )


def _midnight(text: str | None, days: int = 0) -> datetime | None:
    """The start of a day in the reader's zone; None for what is no date."""
    try:
        day = date.fromisoformat(text or "") + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return datetime(day.year, day.month, day.day, tzinfo=zone())


def _run_of(subject: str) -> int | None:
    """The id of the run that an entry is about."""
    kind, _, rest = subject.partition(":")
    return whole_number(rest) if kind == "run" else None


def _words(details: dict[str, Any]) -> str:
    """`Member → Admin` of a change, `role: Admin` of anything else; what names itself, such as an
    action, stands without its key."""
    said = {key: _value(key, value) for key, value in details.items()}
    if set(said) == {"before", "after"}:
        return f"{said['before']} → {said['after']}"
    return "; ".join(
        value if key in ("action", "module") else f"{key.replace('_', ' ')}: {value}"
        for key, value in said.items()
    )


def _value(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    if key == "action":
        return REGISTRY[value].label if value in REGISTRY else value
    if key == "module":
        return MODULES[value].label.lower() if value in MODULES else value
    return ROLES.get(str(value), value) if key in ("before", "after", "role") else value
