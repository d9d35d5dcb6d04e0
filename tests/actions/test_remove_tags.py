"""Remove tags."""

from __future__ import annotations

import pytest

from massadmin.runs.action import BadParams
from tests.factories import a_user, reasons, run_action, some_contacts, tags_of, tally, undo_run

pytestmark = pytest.mark.usefixtures("db_session")


def test_chosen_tags_go_and_others_stay() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, tags="a,b")
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="c")
    run = run_action("remove_tags", admin, tags="A,c")
    assert [tags_of(each) for each in ids] == [["b"], ["b"], ["b"]]
    assert tally(run) == (3, 0, 0)
    assert reasons(run_action("remove_tags", admin, tags="a")) == {"Has none of these tags": 3}


def test_every_tag_goes_and_undo_brings_each_back() -> None:
    admin = a_user()
    ids = some_contacts(3)
    run_action("add_tags", admin, tags="a,b")
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="c")
    run = run_action("remove_tags", admin, all="yes")
    assert [tags_of(each) for each in ids] == [[], [], []]
    run_action("add_tags", admin, f"id:is:{ids[2]}", tags="a")
    undone = undo_run(run, admin)
    assert [tags_of(each) for each in ids] == [["a", "b", "c"], ["a", "b"], ["a", "b"]]
    assert tally(undone) == (3, 0, 0)


@pytest.mark.parametrize("params", [{}, {"tags": "unheard-of"}, {"tags": ", ,"}])
def test_nothing_or_the_unknown_is_refused(params: dict[str, str]) -> None:
    admin = a_user()
    some_contacts(1)
    with pytest.raises(BadParams):
        run_action("remove_tags", admin, **params)
