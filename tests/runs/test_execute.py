"""Chunks: one transaction each, every id with exactly one result, errors found by halving."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from massadmin.auth.models import AuditEntry
from massadmin.extensions import db
from massadmin.runs.action import REGISTRY, Action, register
from massadmin.runs.chunk import Chunk, TryLater
from massadmin.runs.execute import drain, work_once
from massadmin.runs.models import Run, RunChunk
from massadmin.runs.postpone import MAX_ATTEMPTS
from massadmin.runs.preview import preview
from massadmin.runs.start import Refused, start
from massadmin.runs.states import move
from tests.factories import (
    a_user,
    audience,
    contact,
    contacts,
    finished,
    fresh,
    reasons,
    results,
    run_action,
    some_contacts,
    start_action,
    tags_of,
    tally,
)

pytestmark = pytest.mark.usefixtures("db_session")


class Poisoned(Action):
    """Sets the city of every record; the database refuses the records named in `poison`."""

    key, label, icon, permission = "poisoned", "Poisoned", "skull", "edit"
    listed = False

    def apply(self, chunk: Chunk) -> None:
        chunk.succeed(
            f"""
            UPDATE contacts AS t
            SET city = CASE WHEN t.id = ANY(:poison) THEN (1 / (t.id - t.id))::text ELSE 'Oslo' END
            WHERE t.id = ANY(:ids) AND {chunk.reach()}
            RETURNING t.id, NULL AS reason, NULL::jsonb AS before, NULL::jsonb AS after
            """,
            poison=chunk.params["poison"],
        )


class Stubborn(Action):
    """Fails as a database does that is going away, or as a full disk makes it."""

    key, label, icon, permission = "stubborn", "Stubborn", "skull", "edit"
    listed = False

    def apply(self, chunk: Chunk) -> None:
        if chunk.params.get("disk"):
            raise TryLater("The disk is full")
        raise OperationalError("UPDATE contacts", {}, Exception("server closed the connection"))


class Oversized(Action):
    """Gives the records named in `poison` an e-mail that its index has no room for."""

    key, label, icon, permission = "oversized", "Oversized", "skull", "edit"
    listed = False

    def apply(self, chunk: Chunk) -> None:
        chunk.succeed(
            f"""
            UPDATE contacts AS t
            SET email = CASE WHEN t.id = ANY(:poison) THEN (
                SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) AS i
            ) ELSE email END
            WHERE t.id = ANY(:ids) AND {chunk.reach()}
            RETURNING t.id, NULL AS reason, NULL::jsonb AS before, NULL::jsonb AS after
            """,
            poison=chunk.params["poison"],
        )


@pytest.fixture
def extra_actions() -> Iterator[None]:
    extra = (Poisoned(), Stubborn(), Oversized())
    for action in extra:
        register(action)
    yield
    for action in extra:
        del REGISTRY[action.key]


def test_every_record_has_one_result_and_the_tallies_are_their_sum() -> None:
    admin = a_user()
    some_contacts(1_050, status="Lead")
    run = start_action("add_tags", admin, tags="vip")
    chunks = db.session.scalars(select(RunChunk).where(RunChunk.run_id == run.id)).all()
    assert len(chunks) > 5
    run = finished(run)
    assert run.state == "completed"
    assert tally(run) == (1_050, 0, 0)
    assert len(results(run)) == 1_050


def test_a_record_the_database_refuses_fails_alone(extra_actions: None) -> None:
    admin = a_user()
    ids = some_contacts(257)
    poison = [ids[3], ids[200]]
    run = start(REGISTRY["poisoned"], contacts(), audience(admin), {"poison": poison}, admin)
    run = finished(run)
    assert run.state == "completed"
    assert tally(run) == (255, 0, 2)
    assert reasons(run) == {"": 255, "division by zero": 2}
    assert {each.item for each in results(run) if each.outcome == "failed"} == set(poison)
    assert contact(ids[4]).city == "Oslo"
    assert contact(ids[3]).city is None


def test_a_chunk_the_database_keeps_dropping_holds_its_run(extra_actions: None) -> None:
    admin = a_user()
    some_contacts(3)
    run = start(REGISTRY["stubborn"], contacts(), audience(admin), {}, admin)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert fresh(run).state in ("queued", "running"), attempt
        db.session.execute(text("UPDATE run_chunks SET due_at = now() - interval '1 minute'"))
        db.session.commit()
        assert work_once()
    run = fresh(run)
    assert run.state == "holding"
    assert "server closed the connection" in (run.error or "")
    assert results(run) == []
    move(run.id, "resume")
    db.session.commit()
    assert fresh(run).error is None


def test_a_chunk_that_asks_for_time_fails_no_record_and_gives_the_reason(
    extra_actions: None,
) -> None:
    admin = a_user()
    some_contacts(3)
    params = {"disk": "full"}
    with pytest.raises(Refused, match="The disk is full"):
        preview(REGISTRY["stubborn"], contacts(), audience(admin), params, admin)
    run = start(REGISTRY["stubborn"], contacts(), audience(admin), params, admin)
    for _ in range(MAX_ATTEMPTS):
        db.session.execute(text("UPDATE run_chunks SET due_at = now() - interval '1 minute'"))
        db.session.commit()
        assert work_once()
    assert (fresh(run).state, fresh(run).error) == ("holding", "The disk is full")
    assert results(run) == []


def test_a_dropped_chunk_waits_before_it_is_tried_again(extra_actions: None) -> None:
    admin = a_user()
    some_contacts(3)
    start(REGISTRY["stubborn"], contacts(), audience(admin), {}, admin)
    assert work_once()
    assert not work_once()


def test_what_the_user_may_no_longer_do_is_skipped_with_that_reason() -> None:
    admin, boss = a_user(), a_user("manager")
    ids = some_contacts(300)
    run = start_action("add_tags", boss, tags="vip")
    assert work_once(run.id)
    boss.role = "support_lead"
    db.session.commit()
    run = finished(run)
    done = run.succeeded
    assert done is not None
    assert 0 < done < 300
    assert reasons(run) == {"": done, "Manager may no longer add tags": 300 - done}
    assert tags_of(ids[0]) == ["vip"]
    assert tags_of(ids[-1]) == []
    assert admin.active


def test_records_deleted_meanwhile_are_skipped_with_that_reason() -> None:
    admin = a_user()
    ids = some_contacts(10)
    run = start_action("add_tags", admin, tags="vip")
    db.session.execute(
        text("UPDATE contacts SET deleted_at = now() WHERE id = :id"), {"id": ids[0]}
    )
    db.session.execute(text("DELETE FROM contacts WHERE id = :id"), {"id": ids[1]})
    db.session.commit()
    run = finished(run)
    assert tally(run) == (8, 2, 0)
    assert reasons(run) == {"": 8, "Deleted since it was selected": 1, "No longer exists": 1}


def test_a_member_changes_only_their_own_records_even_when_ownership_moves() -> None:
    member, admin = a_user("member"), a_user()
    some_contacts(5, owner_id=admin.id)
    mine = some_contacts(4, owner_id=member.id)
    run = start_action("add_tags", member, tags="mine")
    assert run.total == 4
    db.session.execute(
        text("UPDATE contacts SET owner_id = :o WHERE id = :id"), {"o": admin.id, "id": mine[0]}
    )
    db.session.commit()
    run = finished(run)
    assert tally(run) == (3, 1, 0)
    assert reasons(run) == {"": 3, "Not one of your records": 1}


def test_workers_serve_runs_in_turn() -> None:
    admin = a_user()
    some_contacts(3_000)
    long = start_action("add_tags", admin, tags="long")
    assert work_once()
    assert work_once()
    short = start_action("add_tags", admin, "first_name:is:First1", tags="short")
    assert work_once()
    assert fresh(short).state == "completed"
    assert fresh(long).state == "running"
    assert drain() > 0
    assert fresh(long).state == "completed"


def test_a_run_of_higher_priority_goes_first() -> None:
    admin = a_user()
    some_contacts(200)
    start_action("add_tags", admin, tags="slow")
    urgent = start_action("add_tags", admin, tags="fast")
    db.session.execute(text("UPDATE runs SET priority = 5 WHERE id = :id"), {"id": urgent.id})
    db.session.commit()
    assert work_once()
    assert fresh(urgent).state in ("running", "completed")
    assert fresh(urgent).started_at is not None
    assert db.session.scalars(select(Run.started_at).where(Run.id != urgent.id)).one() is None


def test_applying_a_chunk_again_is_refused_by_its_results() -> None:
    admin = a_user()
    some_contacts(5)
    run = run_action("add_tags", admin, tags="vip")
    db.session.execute(text("UPDATE run_chunks SET state = 'pending'"))
    db.session.execute(text("UPDATE runs SET state = 'running'"))
    db.session.commit()
    assert work_once(run.id)
    chunk = db.session.scalars(select(RunChunk)).one()
    assert (chunk.state, chunk.attempts, len(results(run))) == ("pending", 1, 5)


def test_a_run_whose_action_is_gone_holds_with_that_reason_and_stops_no_other(
    extra_actions: None,
) -> None:
    admin = a_user()
    some_contacts(3)
    run = start(REGISTRY["poisoned"], contacts(), audience(admin), {"poison": []}, admin)
    gone = REGISTRY.pop("poisoned")
    other = start_action("add_tags", admin, tags="vip")
    try:
        assert drain() == 2
        assert fresh(other).state == "completed"
        for _ in range(MAX_ATTEMPTS - 1):
            db.session.execute(text("UPDATE run_chunks SET due_at = now() - interval '1 minute'"))
            db.session.commit()
            assert work_once()
    finally:
        register(gone)
    run = fresh(run)
    assert (run.state, run.error) == ("holding", "There is no action “poisoned”.")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "run.holding")).one()
    assert (entry.subject, entry.details) == (f"run:{run.id}", {"error": run.error})


def test_a_value_too_large_for_an_index_fails_its_record_alone(extra_actions: None) -> None:
    admin = a_user()
    ids = some_contacts(9)
    run = start(REGISTRY["oversized"], contacts(), audience(admin), {"poison": [ids[4]]}, admin)
    run = finished(run)
    assert (run.state, tally(run)) == ("completed", (8, 0, 1))
    (failed,) = [each for each in results(run) if each.outcome == "failed"]
    assert failed.item == ids[4]
    assert "index" in (failed.reason or "")


def test_what_has_no_result_is_looked_up_even_by_stale_statistics() -> None:
    admin = a_user()
    ids = some_contacts(300)
    run_action("add_tags", admin, tags="vip")
    db.session.execute(text("ANALYZE run_results"))
    db.session.commit()
    run = run_action("add_tags", admin, tags="new")
    chunk = Chunk(run.id, 0, contacts(), ids, {}, admin)
    lines = chunk.execute(
        "EXPLAIN SELECT i.id FROM unnest(CAST(:ids AS bigint[])) AS i (id)"
        f" WHERE {chunk.without_result('i.id')}"
    ).scalars()
    plan = "\n".join(lines)
    assert "Join" not in plan
    assert "(run_id = " in plan
    assert "(item = i.id)" in plan
