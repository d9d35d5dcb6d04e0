"""Results of a run: filters, pages, names, and the index of those that tell something."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.filters import BadFilter
from massadmin.runs.models import Run, RunResult
from massadmin.runs.results import (
    Results,
    called_by,
    count_results,
    every_result,
    list_results,
    reasons_told,
    record_names,
)
from tests.factories import a_user, as_of_line, contacts, run_action, some_contacts

pytestmark = pytest.mark.usefixtures("db_session")


def a_mixed_run(user: User) -> tuple[Run, list[int]]:
    """A run over 9 contacts: each third fails, each first of three was so already."""
    ids = some_contacts(9)
    db.session.execute(
        text("UPDATE contacts SET source = 'x', email = NULL WHERE id = ANY(:ids)"),
        {"ids": ids[0::3]},
    )
    db.session.execute(
        text("UPDATE contacts SET email = 'p' || id || '@bad.example' WHERE id = ANY(:ids)"),
        {"ids": ids[2::3]},
    )
    db.session.commit()
    settings = {"set.source": "x", "replace.email": "@bad.example=>"}
    return run_action("update_fields", user, **settings), ids


def items(run: Run, user: User, **asked: str) -> list[int]:
    page = list_results(run, Results.from_args(asked), contacts(), user)
    return [row.item for row in page.rows]


def test_by_outcome_and_reason() -> None:
    user = a_user()
    run, ids = a_mixed_run(user)
    assert items(run, user) == ids
    assert items(run, user, outcome="skipped") == ids[0::3]
    assert items(run, user, outcome="failed") == ids[2::3]
    reason = "E-mail would not be an e-mail address"
    assert items(run, user, reason=reason) == ids[2::3]
    assert items(run, user, reason=reason, outcome="skipped") == []
    assert reasons_told(run, contacts(), user) == [
        ("skipped", "Already so", 3),
        ("failed", reason, 3),
    ]
    assert count_results(run, Results(outcome="failed"), contacts(), user) == 3
    assert count_results(run, Results(), contacts(), user, limit=4) == 5


def test_only_what_changed_something() -> None:
    user = a_user()
    run, ids = a_mixed_run(user)
    page = list_results(run, Results(changed=True), contacts(), user)
    assert [row.item for row in page.rows] == ids[1::3]
    assert page.rows[0].before == {"source": None, "email": "p2@example.com"}


def test_by_name_e_mail_or_number() -> None:
    user = a_user()
    run, ids = a_mixed_run(user)
    assert items(run, user, q="last2") == [ids[1]]
    assert items(run, user, q="p5@exam") == [ids[4]]
    assert items(run, user, q=str(ids[3])) == [ids[3]]
    assert items(run, user, q="nobody") == []
    assert items(run, user, q="last", outcome="failed") == ids[2::3]
    assert items(run, user, q="9" * 40) == []


def test_pages_follow_one_another_in_both_directions() -> None:
    user = a_user()
    run, ids = a_mixed_run(user)
    module = contacts()
    first = list_results(run, Results(), module, user, size=4)
    second = list_results(run, Results(), module, user, size=4, after=first.after)
    last = list_results(run, Results(), module, user, size=4, after=second.after)
    assert [row.item for page in (first, second, last) for row in page.rows] == ids
    assert first.before is None
    assert last.after is None
    back = list_results(run, Results(), module, user, size=4, before=last.before)
    assert back.rows == second.rows
    with pytest.raises(BadFilter):
        list_results(run, Results(), module, user, after="x")


def test_a_member_sees_results_of_records_that_are_theirs_by_now() -> None:
    admin, member = a_user(), a_user("member")
    ids = some_contacts(3, owner_id=member.id)
    run = run_action("update_fields", member, **{"set.city": "Oslo"})
    text_of = "UPDATE contacts SET owner_id = :owner WHERE id = :id"
    db.session.execute(text(text_of), {"owner": admin.id, "id": ids[0]})
    db.session.execute(text("UPDATE contacts SET owner_id = NULL WHERE id = :id"), {"id": ids[1]})
    db.session.commit()
    assert items(run, member) == ids[2:]
    assert items(run, admin) == ids
    module = contacts()
    assert [row.item for row in every_result(run, Results(), module, member)] == ids[2:]
    assert count_results(run, Results(changed=True), module, member) == 1
    # A lowered role counts like any other.
    manager = a_user("manager")
    run = run_action("add_tags", manager, tags="vip")
    assert items(run, manager) == ids
    manager.role = "member"
    db.session.commit()
    assert items(run, manager) == []


def test_a_member_is_told_no_reasons_of_records_of_others() -> None:
    admin, member = a_user(), a_user("member")
    ids = some_contacts(2, owner_id=member.id, city="Oslo")
    run = run_action("update_fields", member, **{"set.city": "Oslo"})
    db.session.execute(text("DELETE FROM contacts WHERE id = :id"), {"id": ids[0]})
    db.session.commit()
    assert reasons_told(run, contacts(), member) == [("skipped", "Already so", 2)]
    db.session.execute(text("UPDATE contacts SET owner_id = :id"), {"id": admin.id})
    db.session.commit()
    assert reasons_told(run, contacts(), member) == [("skipped", "Already so", 1)]
    assert reasons_told(run, contacts(), admin) == [("skipped", "Already so", 2)]


def test_every_result_comes_once_though_fetched_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("massadmin.runs.results.STEP", 2)
    user = a_user()
    run, ids = a_mixed_run(user)
    assert [row.item for row in every_result(run, Results(), contacts(), user)] == ids


def test_a_record_is_named_as_far_as_one_may_see_it() -> None:
    admin, member = a_user(), a_user("member")
    [own] = some_contacts(1, owner_id=member.id)
    [foreign, deleted] = some_contacts(2, owner_id=admin.id)
    run_action("delete", admin, f"id:is:{deleted}", confirm="DELETE")
    ids = [own, foreign, deleted, 10**9]
    seen = record_names(contacts(), ids, member)
    assert (seen[own].name, seen[own].place) == ("First1 Last1", "live")
    assert (seen[foreign].name, seen[foreign].place) == ("", "hidden")
    assert seen[foreign].values == {}
    assert 10**9 not in seen
    assert record_names(contacts(), ids, admin)[deleted].place == "trash"


def test_a_member_finds_no_foreign_record_by_its_name() -> None:
    admin, member = a_user(), a_user("member")
    some_contacts(2, owner_id=member.id)
    run = run_action("add_tags", member, tags="a")
    db.session.execute(text("UPDATE contacts SET owner_id = :o"), {"o": admin.id})
    db.session.commit()
    assert items(run, member, q="last1") == []
    assert len(items(run, admin, q="last1")) == 1


def test_lines_of_a_file_are_found_by_the_names_of_their_records() -> None:
    user = a_user()
    one, other = some_contacts(2)
    run = run_action("add_tags", user, f"id:is:{one}", tags="vip")
    as_of_line(run, other)
    assert items(run, user, q="last1") == [other]
    assert items(run, user, q="last2") == []


@pytest.mark.parametrize("args", [{"outcome": "odd"}, {"q": "\x00"}, {"q": "x" * 201}])
def test_nonsense_is_refused(args: dict[str, str]) -> None:
    with pytest.raises(BadFilter):
        Results.from_args(args)


def test_failures_among_many_successes_are_found_by_index() -> None:
    user = a_user()
    run, _ = a_mixed_run(user)
    db.session.execute(
        text(
            """
            INSERT INTO run_results (run_id, item, record_id, seq, outcome)
            SELECT :run, i, i, 0, 'succeeded' FROM generate_series(100000, 120000) AS i
            """
        ),
        {"run": run.id},
    )
    db.session.execute(text("ANALYZE run_results"))
    for asked in (Results(outcome="failed"), Results(reason="Already so")):
        statement = select(RunResult).where(asked.where(run, contacts(), user)).limit(51)
        sql = statement.compile(
            db.engine, compile_kwargs={"literal_binds": True, "render_postcompile": True}
        )
        plan = "\n".join(db.session.scalars(text("EXPLAIN " + str(sql).replace(":", "\\:"))))
        assert "ix_run_results_told" in plan, asked


def test_a_contact_is_called_by_its_name_address_and_number() -> None:
    assert called_by(contacts()) == ["first_name", "last_name", "email", "phone", "company_name"]
