"""The policy of an import."""

from __future__ import annotations

import pytest

from massadmin.imports.policy import BadPolicy, Policy, checked, default_policy, warnings
from tests.factories import a_user, contacts

pytestmark = pytest.mark.usefixtures("db_session")


def test_values_come_in_one_spelling() -> None:
    admin = a_user()
    policy = checked(
        Policy(match="", country="united states", tags=("vip, 2026", "VIP")), contacts(), admin
    )
    assert (policy.match, policy.country, policy.tags) == (None, "US", ("vip", "2026"))
    assert Policy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("match", "city"),
        ("on_match", "explode"),
        ("unmatched", "keep"),
        ("empty", "fill"),
        ("country", "Atlantis"),
        ("tags", ("x" * 65,)),
        ("owner", 999),
    ],
)
def test_a_wrong_value_is_named_with_its_field(field: str, value: object) -> None:
    with pytest.raises(BadPolicy) as error:
        checked(Policy(**{field: value}), contacts(), a_user())  # type: ignore[arg-type]
    assert error.value.field == field


def test_only_who_may_assign_gives_records_to_others() -> None:
    admin, member = a_user(), a_user("member")
    assert checked(Policy(owner=member.id), contacts(), admin).owner == member.id
    assert checked(Policy(owner=member.id), contacts(), member).owner == member.id
    with pytest.raises(BadPolicy, match="may not"):
        checked(Policy(owner=admin.id), contacts(), member)


def test_the_default_matches_on_email_where_there_is_one() -> None:
    assert default_policy(["first_name", "email"]).match == "email"
    assert default_policy(["phone", "company_name"]).match is None


def test_a_warning_where_nothing_can_match() -> None:
    module = contacts()
    assert warnings(module, ["email"], Policy(match="email")) == []
    assert warnings(module, ["city"], Policy(match=None)) == []
    (told,) = warnings(module, ["city"], Policy(match="email"))
    assert "No column is mapped to E-mail" in told
    assert "new record" in told
