"""The first start: somebody who can sign in, and, if wanted, something to look at.

Nothing here is faked: the people are users, and the runs went through the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text
from werkzeug.datastructures import MultiDict

from massadmin.auth import passwords, people
from massadmin.auth.models import User
from massadmin.auth.permissions import ROLES
from massadmin.config import Settings
from massadmin.embedded.passwords import ADMIN, FILE, keep_passwords
from massadmin.extensions import db
from massadmin.records.custom_fields import add_field
from massadmin.records.filters import Condition, Query
from massadmin.records.modules import get_module
from massadmin.records.seed import seed
from massadmin.records.smart_lists import save_list
from massadmin.runs.action import get_action
from massadmin.runs.audience import of_query
from massadmin.runs.control import control
from massadmin.runs.execute import drain, work_once
from massadmin.runs.models import Run
from massadmin.runs.start import start, undo

CONTACTS = 5_000
# Records per chunk: so few that a run can be stopped half-way.
CHUNK = 100
_LOCK = 5_000_000_000_001


@dataclass(frozen=True)
class Person:
    """Somebody of the demo."""

    email: str
    name: str
    role: str


PEOPLE = (
    Person(ADMIN, "Alex Berg", "admin"),
    Person("manager@massadmin.example", "Maria Lindqvist", "manager"),
    Person("support@massadmin.example", "Sam Okafor", "support_lead"),
    Person("member@massadmin.example", "Nina Kapoor", "member"),
)
# Who owns the contacts, the first one most.
_OWNERS = ("member", "manager", "admin")


def first_admin(settings: Settings) -> Path:
    """Add one admin if there is nobody yet; the file with the password. Commits."""
    _add_people(settings, (Person(ADMIN, "Admin", "admin"),))
    db.session.commit()
    return settings.data_dir / FILE


def fill(settings: Settings) -> None:
    """Add the people, contacts, lists and runs of the demo, if there is nobody yet. Commits."""
    users = _add_people(settings, PEOPLE)
    if not users:
        return
    # The first commit of `seed` keeps people and contacts together: there is a demo, or none.
    seed(CONTACTS, owners=[users[role].id for role in _OWNERS])
    _add_fields(users["admin"])
    _add_lists(users)
    _do_runs(users)


def _add_people(settings: Settings, wanted: tuple[Person, ...]) -> dict[str, User]:
    """Add users, by role; none where there are users already, or another process was faster."""
    db.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    if db.session.scalar(select(User.id).limit(1)) is not None:
        db.session.rollback()
        return {}
    made = {person: passwords.generate() for person in wanted}
    # Before the commit: an account whose password nobody ever saw would be in the way for good.
    keep_passwords(
        settings.data_dir,
        [(person.email, password, ROLES[person.role]) for person, password in made.items()],
    )
    return {
        person.role: people.create_user(person.email, password, role=person.role, name=person.name)
        for person, password in made.items()
    }


def _add_fields(admin: User) -> None:
    module = get_module("contacts")
    score = add_field(module, "Score", "number", (), admin)
    plan = add_field(get_module("contacts"), "Plan", "choice", ("Basic", "Plus", "Pro"), admin)
    renewal = add_field(get_module("contacts"), "Renewal", "date", (), admin)
    db.session.execute(
        text(
            """
            UPDATE contacts SET custom = jsonb_build_object(CAST(:score AS text), id * 37 % 101)
                || CASE WHEN status = 'Customer' THEN jsonb_build_object(
                    CAST(:plan AS text), (ARRAY['Basic', 'Plus', 'Pro'])[1 + id * 7 % 3],
                    CAST(:renewal AS text),
                    to_char(now() + (id * 13 % 365) * interval '1 day', 'YYYY-MM-DD')
                ) ELSE '{}' END
            WHERE id % 3 > 0
            """
        ),
        {"score": score.key, "plan": plan.key, "renewal": renewal.key},
    )
    db.session.commit()


def _add_lists(users: dict[str, User]) -> None:
    module = get_module("contacts")
    for name, conditions, owner in (
        ("New leads", ("status:is:Lead", "created_at:within_days:30"), "manager"),
        ("VIP customers", ("status:is:Customer", "tags:has:vip"), "admin"),
        ("Nobody's contacts", ("owner_id:empty",), "manager"),
    ):
        query = Query.build([Condition.from_text(each) for each in conditions])
        save_list(users[owner], module, name, query, shared=True)
    db.session.commit()


def _do_runs(users: dict[str, User]) -> None:
    """Runs of every kind of ending: all done, with failures, undone, cancelled, half done."""
    admin, manager, member = users["admin"], users["manager"], users["member"]

    def begin(key: str, user: User, *conditions: str, name: str = "", **params: str) -> Run:
        module, action = get_module("contacts"), get_action(key)
        query = Query.build([Condition.from_text(each) for each in conditions])
        data = MultiDict([(each.replace("__", "."), value) for each, value in params.items()])
        return start(
            action,
            module,
            of_query(query, module, user),
            action.params(data, module, user),
            user,
            largest_chunk=CHUNK,
            name=name,
        )

    def finish(run: Run) -> Run:
        drain(run.id)
        db.session.rollback()
        return db.session.get_one(Run, run.id, populate_existing=True)

    finish(begin("add_tags", admin, "source:is:Trade fair", "status:is:Lead", tags="fair-2026"))
    finish(begin("change_owner", manager, "owner_id:empty", owner=f"{member.id},{manager.id}"))
    finish(
        begin(
            "update_fields",
            manager,
            "city:one_of:Bergen|Stavanger|Trondheim",
            name="Tidy up Norwegian records",
            set__time_zone="Europe/Oslo",
            replace__city="Trondheim=>Trondhjem",
            replace__phone="+4710=>+47 10",
        )
    )
    by_mistake = finish(
        begin("add_tags", member, "status:is:Customer", name="Tag for May", tags="may-offer")
    )
    finish(undo(by_mistake, get_module("contacts"), member))
    finish(
        begin(
            "delete",
            admin,
            "status:is:Inactive",
            "last_activity_at:older_days:600",
            name="Inactive for long",
            confirm="DELETE",
        )
    )
    paused = begin("add_tags", manager, "country:is:US", name="US newsletter", tags="newsletter-us")
    for _ in range(4):
        work_once(paused.id)
    control(paused, "pause", manager)
