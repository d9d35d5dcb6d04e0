"""Reasons that differ in a number alone count as one."""

from __future__ import annotations

import pytest

from massadmin.runs.reasons import counted
from massadmin.runs.results import Results, count_results, reasons_told
from tests.factories import a_user, contacts
from tests.imports.files import run_import


def test_counted_most_frequent_first() -> None:
    found = [("skipped", f"Same e-mail as line {line:,}") for line in (2, 7, 1200)]
    found += [("failed", "More than 200"), ("succeeded", ""), ("succeeded", "")]
    assert counted(found) == [
        ("skipped", "Same e-mail as line …", 3),
        ("failed", "More than 200", 1),
    ]


@pytest.mark.usefixtures("db_session")
def test_those_of_a_run_can_be_shown_by_the_name_of_their_kind() -> None:
    user, emails = a_user(), ("a@x.com", "b@x.com", "a@x.com", "b@x.com", "a@x.com", "bad")
    run = run_import(user, "Email", *emails)
    kind = "Same e-mail as line …"
    assert reasons_told(run, contacts(), user) == [
        ("skipped", kind, 3),
        ("failed", "E-mail is not a valid address", 1),
    ]
    for reason, count in ((kind, 3), ("Same e-mail as line 2", 2), ("Same e-mail as line", 0)):
        assert count_results(run, Results(reason=reason), contacts(), user) == count
