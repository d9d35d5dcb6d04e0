"""History: what is asked for, and the pages of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import BadFilter
from massadmin.runs.history import (
    History,
    active_runs,
    count_runs,
    list_runs,
    newer_than,
    types,
)
from massadmin.runs.models import Run
from tests.factories import a_user, run_action, some_contacts, start_action

pytestmark = pytest.mark.usefixtures("db_session")


def runs(user: User, count: int, **columns: Any) -> list[int]:
    """The ids of `count` runs of this user, oldest first."""
    given = {"state": "completed", "action": "add_tags", "failed": 0, **columns}
    ids = [
        db.session.execute(
            insert(Run)
            .values(
                module="contacts",
                name=given.get("name", f"Run {number}"),
                user_id=user.id,
                idempotency_key=f"{user.id} {number} {given}"[:200],
                body_hash="",
                **{key: value for key, value in given.items() if key != "name"},
            )
            .returning(Run.id)
        ).scalar_one()
        for number in range(count)
    ]
    db.session.commit()
    return ids


def found(user: User, /, **args: str) -> list[int]:
    return [run.id for run in list_runs(History.from_args(MultiDict(args)), user).rows]


def test_pages_follow_one_another_in_both_directions() -> None:
    user = a_user()
    ids = runs(user, 7)[::-1]
    first = list_runs(History(), user, size=3)
    assert [run.id for run in first.rows] == ids[:3]
    assert first.before is None
    second = list_runs(History(), user, size=3, after=first.after)
    assert [run.id for run in second.rows] == ids[3:6]
    last = list_runs(History(), user, size=3, after=second.after)
    assert [run.id for run in last.rows] == ids[6:]
    assert last.after is None
    back = list_runs(History(), user, size=3, before=last.before)
    assert [run.id for run in back.rows] == ids[3:6]
    assert back.before is not None
    assert list_runs(History(), user, size=3, before=back.before).before is None


def test_people_see_their_own_runs_and_managers_all() -> None:
    member, manager = a_user("member"), a_user("manager")
    own, others = runs(member, 1), runs(manager, 1)
    assert found(member) == own
    assert found(manager) == [*others, *own]
    assert found(manager, user=str(member.id)) == own
    assert found(manager, user="Member@Example.com") == own
    assert found(member, user=str(manager.id)) == []
    assert count_runs(History(), manager) == 2
    assert newer_than(own[0], History(), manager) == 1
    assert newer_than(own[0], History(), member) == 0


def test_status_type_and_words_narrow_it_down() -> None:
    user = a_user()
    [clean] = runs(user, 1)
    [broken] = runs(user, 1, failed=3, name="Spring 100%")
    [going] = runs(user, 1, state="running", action="delete")
    [still] = runs(user, 1, state="paused")
    assert found(user, status="with_errors") == [broken]
    assert found(user, status="active") == [still, going]
    assert found(user, status="completed") == [broken, clean]
    assert found(user, type="delete") == [going]
    assert found(user, q="spring 100%") == [broken]
    assert found(user, q="_") == []  # no wildcard
    assert found(user, q=f"#{still}") == [still]
    assert active_runs(user) == 2


def test_days_are_those_of_the_persons_zone() -> None:
    user = a_user(timezone="Pacific/Auckland")
    [early, late] = runs(user, 2)
    # 1 March in Auckland lasts from 11:00 on 28 February to 11:00 on 1 March, UTC.
    for run_id, at in (
        (early, datetime(2026, 2, 28, 10, 59, tzinfo=UTC)),
        (late, datetime(2026, 2, 28, 11, 0, tzinfo=UTC)),
    ):
        db.session.execute(update(Run).where(Run.id == run_id).values(created_at=at))
    db.session.commit()
    assert found(user, **{"from": "2026-03-01", "to": "2026-03-01"}) == [late]
    assert found(user, to="2026-02-28") == [early]
    assert found(user, **{"from": "0001-01-01", "to": "9999-12-31"}) == [late, early]


@pytest.mark.parametrize(("preset", "days"), [("today", 1), ("7d", 7), ("30d", 30)])
def test_presets_reach_back_from_today(preset: str, days: int) -> None:
    user = a_user()
    [old, new] = runs(user, 2)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    edge = midnight - timedelta(days=days - 1)
    for run_id, at in ((old, edge - timedelta(seconds=1)), (new, edge)):
        db.session.execute(update(Run).where(Run.id == run_id).values(created_at=at))
    db.session.commit()
    assert found(user, when=preset) == [new]


@pytest.mark.parametrize(
    "args",
    [
        {"when": "yesterday"},
        {"from": "1.2.2026"},
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"status": "odd"},
        {"q": "x" * 201},
        {"q": "a\x00b"},
    ],
)
def test_nonsense_is_refused_with_a_sentence(args: dict[str, str]) -> None:
    with pytest.raises(BadFilter, match=r"[.]$"):
        History.from_args(args)


@pytest.mark.parametrize("token", ["x", "-1", "9" * 30, "1; drop"])
def test_a_broken_token_is_refused(token: str) -> None:
    with pytest.raises(BadFilter):
        list_runs(History(), a_user(), after=token)


def test_it_round_trips_through_arguments() -> None:
    args = {
        "when": "custom",
        "from": "2026-01-02",
        "to": "2026-01-03",
        "status": "with_errors",
        "type": "delete",
        "user": "3",
        "q": "a b",
    }
    history = History.from_args(args)
    assert history.since == date(2026, 1, 2)
    assert dict(history.to_args()) == args
    assert History.from_args(dict(History.from_args({}).to_args())) == History()


def test_a_run_that_nobody_asked_for_is_not_listed() -> None:
    user = a_user()
    runs(user, 1, state="draft")
    some_contacts(1)
    run = start_action("add_tags", user, tags="a")
    assert found(user) == [run.id]


def test_types_are_the_actions_by_label() -> None:
    labels = [label for _, label in types()]
    assert ("add_tags", "Add tags") in types()
    assert labels == sorted(labels)


def test_a_page_of_five_thousand_reads_no_more_than_it_shows() -> None:
    user = a_user()
    some_contacts(1)
    run_action("add_tags", user, tags="a")
    db.session.execute(
        db.text(
            """
            INSERT INTO runs (action, module, name, user_id, state, idempotency_key, body_hash)
            SELECT 'add_tags', 'contacts', 'n', :user, 'completed', i::text, ''
            FROM generate_series(1, 5000) AS i
            """
        ),
        {"user": user.id},
    )
    db.session.execute(db.text("ANALYZE runs"))
    plan = "\n".join(
        db.session.scalars(
            db.text(
                "EXPLAIN SELECT * FROM runs WHERE id > 0 AND state <> 'draft' AND id < 2500 "
                "ORDER BY id DESC LIMIT 51"
            )
        )
    )
    assert "Index Scan Backward" in plan
    page = list_runs(History(), user, size=50, after="2500")
    assert [run.id for run in page.rows] == list(range(2499, 2449, -1))
