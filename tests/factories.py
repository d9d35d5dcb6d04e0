"""What tests build their worlds from: people, contacts, and runs taken from start to end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text, update
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.contacts import Contact
from massadmin.records.filters import Condition, Query
from massadmin.records.modules import Module, get_module
from massadmin.records.tags import ContactTag, Tag
from massadmin.runs.action import get_action
from massadmin.runs.audience import Audience, of_query
from massadmin.runs.execute import drain
from massadmin.runs.models import Run, RunResult
from massadmin.runs.start import start, undo


def a_user(role: str = "admin", name: str | None = None, **columns: Any) -> User:
    """A user of this role; the password is not set to anything that could be typed."""
    name = name or role.replace("_", " ").title()
    user = User(
        name=name,
        email=columns.pop("email", f"{name.lower().replace(' ', '.')}@example.com"),
        role=role,
        password_hash="!",
        **columns,
    )
    db.session.add(user)
    db.session.commit()
    return user


def some_contacts(count: int, **columns: Any) -> list[int]:
    """The ids of `count` new contacts, named and addressed by number; `columns` are the same for
    all of them."""
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", :{name}" for name in columns)
    ids = db.session.scalars(
        text(
            f"""
            INSERT INTO contacts (first_name, last_name, email{names})
            SELECT 'First' || i, 'Last' || i, 'p' || i || '@example.com'{values}
            FROM generate_series(1, :count) AS i RETURNING id
            """
        ),
        {"count": count, **columns},
    ).all()
    db.session.commit()
    return list(ids)


def contacts() -> Module:
    """The contacts module, with the custom fields it has now."""
    return get_module("contacts")


def query(*conditions: str, **options: Any) -> Query:
    """A query from `field:op:value` texts."""
    return Query.build([Condition.from_text(each) for each in conditions], **options)


def audience(user: User, *conditions: str) -> Audience:
    """All contacts, or those that match."""
    return of_query(query(*conditions), contacts(), user)


# So small that a few hundred records are several chunks.
CHUNK = 100


def start_action(key: str, user: User, *conditions: str, **params: Any) -> Run:
    """A queued run of an action over all contacts, or those that match."""
    action, module = get_action(key), contacts()
    data = MultiDict([(name.replace("__", "."), value) for name, value in params.items()])
    checked = action.params(data, module, user)
    found = of_query(query(*conditions, trash=action.trash), module, user)
    return start(action, module, found, checked, user, largest_chunk=CHUNK)


def run_action(key: str, user: User, *conditions: str, **params: Any) -> Run:
    """The same, taken to its end."""
    return finished(start_action(key, user, *conditions, **params))


def undo_run(run: Run, user: User) -> Run:
    """The run that undid `run`, taken to its end."""
    return finished(undo(run, get_module(run.module), user, largest_chunk=CHUNK))


def finished(run: Run) -> Run:
    """The run, worked on until nothing of it is due."""
    drain(run.id)
    return fresh(run)


def fresh(run: Run) -> Run:
    """The run as the database has it now."""
    db.session.rollback()
    return db.session.execute(
        select(Run).where(Run.id == run.id).execution_options(populate_existing=True)
    ).scalar_one()


def tally(run: Run) -> tuple[int | None, int | None, int | None]:
    """Succeeded, skipped, failed."""
    return run.succeeded, run.skipped, run.failed


def results(run: Run) -> list[RunResult]:
    """The run's results, by item."""
    return list(
        db.session.scalars(
            select(RunResult).where(RunResult.run_id == run.id).order_by(RunResult.item)
        )
    )


def as_of_line(run: Run, line: int) -> None:
    """Have the only result of `run` be that of a line of a file, as an import writes it: the number
    of the line may be the id of another record."""
    db.session.execute(update(RunResult).where(RunResult.run_id == run.id).values(item=line))
    db.session.commit()


def reasons(run: Run) -> dict[str, int]:
    """How often each reason was given."""
    found: dict[str, int] = {}
    for result in results(run):
        found[result.reason or ""] = found.get(result.reason or "", 0) + 1
    return found


def contact(contact_id: int) -> Contact:
    """A contact as the database has it now."""
    db.session.rollback()
    return db.session.execute(
        select(Contact).where(Contact.id == contact_id).execution_options(populate_existing=True)
    ).scalar_one()


def tags_of(contact_id: int) -> list[str]:
    """The names of a contact's tags."""
    return sorted(
        db.session.scalars(
            select(Tag.name)
            .join(ContactTag, ContactTag.tag_id == Tag.id)
            .where(ContactTag.contact_id == contact_id)
        )
    )


def world() -> list[tuple[Any, ...]]:
    """Every contact with its tags, but for the time of its last update: what undo restores."""
    return [
        tuple(row)
        for row in db.session.execute(
            text(
                """
                SELECT c.id, c.first_name, c.last_name, c.email, c.phone, c.company_name, c.status,
                    c.source, c.owner_id, c.city, c.state, c.country, c.postal_code, c.time_zone,
                    c.dnd_email, c.dnd_sms, c.dnd_whatsapp, c.dnd_calls, c.custom::text,
                    c.last_activity_at, c.deleted_at IS NULL,
                    (SELECT array_agg(tag_id ORDER BY tag_id) FROM contact_tags
                     WHERE contact_id = c.id)
                FROM contacts AS c ORDER BY c.id
                """
            )
        )
    ]
