"""Add tags."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from massadmin.extensions import db
from massadmin.records.tags import ensure_tags
from massadmin.runs.action import BadParams
from massadmin.runs.execute import drain, work_once
from massadmin.runs.start import undo
from tests.factories import (
    a_user,
    contacts,
    fresh,
    reasons,
    results,
    run_action,
    some_contacts,
    start_action,
    tags_of,
    tally,
    undo_run,
)
from tests.processes import until
from tests.reads import analyze, entries_read

pytestmark = pytest.mark.usefixtures("db_session")


def test_new_and_known_tags_are_put_on_and_listed_per_record() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="VIP")
    run = run_action("add_tags", admin, tags="vip, 2026 ,, fair")
    assert tags_of(ids[0]) == ["2026", "VIP", "fair"]
    assert tags_of(ids[1]) == ["2026", "VIP", "fair"]
    added = [sorted((result.after or {})["tags_added"]) for result in results(run)]
    assert added == [["2026", "fair"], ["2026", "VIP", "fair"], ["2026", "VIP", "fair"]]


def test_who_has_them_already_is_skipped() -> None:
    admin = a_user()
    some_contacts(3)
    run_action("add_tags", admin, tags="vip")
    again = run_action("add_tags", admin, tags="vip")
    assert tally(again) == (0, 3, 0)
    assert reasons(again) == {"Already has these tags": 3}


def test_who_gets_them_at_the_same_moment_is_skipped(app: Flask) -> None:
    admin = a_user()
    (only,) = some_contacts(1)
    tag = ensure_tags(["vip"])["vip"]
    run = start_action("add_tags", admin, tags="vip")
    run_id = run.id

    def work() -> None:
        with app.app_context():
            work_once(run_id)
            db.session.remove()

    def waits_for(pid: int) -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))"
        count = db.session.scalar(text(waiting), {"pid": pid})
        db.session.rollback()
        return bool(count)

    somebody = create_engine(db.engine.url)
    with ThreadPoolExecutor(1) as worker, somebody.begin() as elsewhere:
        put = text("INSERT INTO contact_tags VALUES (:contact, :tag) RETURNING pg_backend_pid()")
        pid = elsewhere.scalar(put, {"contact": only, "tag": tag})
        done = worker.submit(work)
        until(lambda: waits_for(pid), "the worker waits for the other")
        elsewhere.commit()
        done.result()
    somebody.dispose()
    assert tally(fresh(run)) == (0, 1, 0)
    assert reasons(run) == {"Already has these tags": 1}
    assert tags_of(only) == ["vip"]


def test_undo_takes_off_only_what_the_run_put_on() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="old")
    run = run_action("add_tags", admin, tags="old,new")
    db.session.execute(text("DELETE FROM contact_tags WHERE contact_id = :id"), {"id": ids[1]})
    db.session.commit()
    undone = undo_run(run, admin)
    assert [tags_of(each) for each in ids] == [["old"], [], []]
    assert tally(undone) == (2, 1, 0)
    assert reasons(undone) == {"": 2, "Changed since": 1}


def test_undo_reads_each_record_a_few_times_when_nobody_analyzed() -> None:
    admin, member = a_user(), a_user("member")
    some_contacts(100, owner_id=admin.id)
    undo_run(run_action("add_tags", admin, tags="x,y"), admin)
    analyze("contacts", "contact_tags", "run_results", "tags")
    some_contacts(1_000, city="Oslo", owner_id=member.id)
    run = run_action("add_tags", member, "city:is:Oslo", tags="a,b,c")
    undone = undo(run, contacts(), member)
    with entries_read("contacts", "contact_tags", "run_results") as read:
        drain(undone.id)
    assert read.count < 100 * 1_000
    assert tally(fresh(undone)) == (1_000, 0, 0)


@pytest.mark.parametrize("tags", ["", " , ", "a|b", "x" * 65, "\x00"])
def test_unusable_names_are_refused(tags: str) -> None:
    admin = a_user()
    with pytest.raises(BadParams) as refused:
        run_action("add_tags", admin, tags=tags)
    assert list(refused.value.errors) == ["tags"]
