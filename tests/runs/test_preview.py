"""Preview: the action itself, rolled back."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.runs.action import get_action
from massadmin.runs.preview import Preview, preview
from massadmin.runs.start import NotAllowed
from tests.factories import a_user, audience, contacts, run_action, some_contacts, world

pytestmark = pytest.mark.usefixtures("db_session")


def rehearse(key: str, user: User, *conditions: str, sample: int = 1_000, **params: str) -> Preview:
    action, module = get_action(key), contacts()
    data = MultiDict([(name.replace("__", "."), value) for name, value in params.items()])
    return preview(
        action,
        module,
        audience(user, *conditions),
        action.params(data, module, user),
        user,
        sample=sample,
    )


def test_it_tells_what_the_run_then_does_and_leaves_no_trace() -> None:
    admin = a_user()
    some_contacts(6, status="Lead")
    some_contacts(4, status="Customer")
    before = world()
    seen = rehearse("update_fields", admin, set__status="Customer")
    assert world() == before
    assert db.session.scalar(text("SELECT count(*) FROM runs")) == 0
    assert db.session.scalar(text("SELECT count(*) FROM run_results")) == 0
    run = run_action("update_fields", admin, set__status="Customer")
    assert (seen.total, seen.sampled) == (10, 10)
    assert seen.tally == {
        "succeeded": run.succeeded,
        "skipped": run.skipped,
        "failed": run.failed,
    }
    assert seen.tally["succeeded"] == 6
    assert seen.reasons == [("skipped", "Already so", 4)]
    assert seen.changes[0].before == {"status": "Lead"}
    assert seen.changes[0].after == {"status": "Customer"}


def test_a_new_tag_is_not_made_by_looking() -> None:
    admin = a_user()
    some_contacts(2)
    rehearse("add_tags", admin, tags="brand-new")
    assert db.session.scalar(text("SELECT count(*) FROM tags")) == 0


def test_a_large_audience_is_sampled_and_says_so() -> None:
    admin = a_user()
    some_contacts(300)
    seen = rehearse("add_tags", admin, sample=100, tags="vip")
    assert (seen.total, seen.sampled, seen.tally["succeeded"]) == (300, 100, 100)
    assert len(seen.changes) == 10


def test_an_empty_audience_previews_as_nothing() -> None:
    admin = a_user()
    seen = rehearse("add_tags", admin, tags="vip")
    assert (seen.total, seen.sampled, seen.changes) == (0, 0, [])


def test_who_may_not_act_may_not_rehearse() -> None:
    support = a_user("support_lead")
    some_contacts(1)
    with pytest.raises(NotAllowed):
        rehearse("add_tags", support, tags="vip")
