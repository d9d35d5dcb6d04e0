"""Progress: sums of chunks while a run is going, its own tallies afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from massadmin.runs.control import control
from massadmin.runs.execute import work_once
from massadmin.runs.models import Run
from massadmin.runs.progress import (
    batches_of,
    progress_of,
    seconds_taken,
    throughput_of,
)
from tests.factories import a_user, finished, fresh, some_contacts, start_action

pytestmark = pytest.mark.usefixtures("db_session")


def test_from_nothing_to_everything() -> None:
    admin = a_user()
    some_contacts(250)
    some_contacts(50, status="x")
    run = start_action("update_fields", admin, set__status="x")
    waiting = progress_of([fresh(run)])[run.id]
    assert (waiting.done, waiting.percent, waiting.rate, waiting.eta) == (0, 0, None, None)
    assert work_once()
    going = progress_of([fresh(run)])[run.id]
    assert (going.done, going.succeeded, going.percent) == (100, 100, 33)
    assert going.rate is not None
    assert going.eta is not None
    assert batches_of(run.id)[0].done == 100
    control(run, "pause", admin)
    paused = progress_of([fresh(run)])[run.id]
    assert (fresh(run).state, paused.done, paused.rate, paused.eta) == ("paused", 100, None, None)
    control(run, "resume", admin)
    run = finished(run)
    ended = progress_of([run])[run.id]
    assert (ended.succeeded, ended.skipped, ended.failed) == (250, 50, 0)
    assert ended.percent == 100
    assert seconds_taken(run) is not None


def test_the_chart_accounts_for_every_record() -> None:
    admin = a_user()
    some_contacts(1_000)
    run = finished(start_action("add_tags", admin, tags="vip"))
    points = throughput_of(run.id, points=4)
    assert len(points) == 4
    assert sum(size for _, size in points) == 1_000
    assert [at for at, _ in points] == sorted(at for at, _ in points)
    assert throughput_of(999) == []


def test_almost_done_is_not_a_hundred_percent() -> None:
    from massadmin.runs.progress import Progress

    assert Progress(1_000_000, 999_999, 0, 0, None, None).percent == 99


def test_the_rate_of_a_run_that_was_cancelled_is_that_of_what_was_done() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    run = Run(id=1, total=1_000, succeeded=100, skipped=0, failed=0, state="cancelled")
    run.started_at, run.finished_at = start, start + timedelta(seconds=10)
    assert progress_of([run])[1].rate == 10
