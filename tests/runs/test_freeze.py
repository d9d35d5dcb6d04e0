"""Freezing: every id once, in chunks of a sensible size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from massadmin.extensions import db
from massadmin.runs.action import get_action
from massadmin.runs.freeze import SMALLEST_CHUNK, STEPS, chunk_size
from massadmin.runs.models import RunChunk
from tests.factories import a_user, run_action, some_contacts, start_action, undo_run


@given(st.integers(0, 10_000_000), st.integers(1, 50_000))
def test_chunks_are_neither_too_large_nor_needlessly_small(total: int, largest: int) -> None:
    size = chunk_size(total, largest)
    assert 1 <= size <= largest
    if total >= STEPS * SMALLEST_CHUNK and size < largest:
        assert -(-total // size) <= STEPS
    assert size >= min(SMALLEST_CHUNK, largest)


@pytest.mark.usefixtures("db_session")
def test_every_id_is_frozen_once_and_in_order() -> None:
    admin = a_user()
    ids = some_contacts(1_234)
    run = start_action("add_tags", admin, tags="vip")
    chunks = db.session.scalars(
        select(RunChunk).where(RunChunk.run_id == run.id).order_by(RunChunk.seq)
    ).all()
    assert [each for chunk in chunks for each in chunk.record_ids] == ids
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.size for chunk in chunks] == [100] * 12 + [34]
    assert run.total == 1_234


@pytest.mark.usefixtures("db_session")
def test_an_action_that_takes_long_and_its_undo_have_smaller_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(get_action("delete")), "largest_chunk", 40)
    some_contacts(100)
    admin = a_user()
    deletion = run_action("delete", admin, confirm="DELETE")
    for run in (deletion, undo_run(deletion, admin)):
        sizes = select(RunChunk.size).where(RunChunk.run_id == run.id).order_by(RunChunk.seq)
        assert list(db.session.scalars(sizes)) == [40, 40, 20]
