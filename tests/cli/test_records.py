"""`massadmin count` and `massadmin seed`."""

from __future__ import annotations

from massadmin.auth.models import User
from tests.cli.conftest import Shell
from tests.factories import a_user, some_contacts


def test_counting_takes_the_filters_of_a_list(shell: Shell, admin: User) -> None:
    some_contacts(12, status="Lead")
    some_contacts(3, status="Customer", company_name="Polar Labs")
    assert shell.json("count", "contacts") == {"count": 15}
    assert shell.json("count", "contacts", "-f", "status:is:Lead") == {"count": 12}
    assert shell.json("count", "contacts", "--q", "polar lab") == {"count": 3}
    assert shell("count", "contacts", "-f", "status:is:Lead").out == "12\n"
    assert "no field" in shell.refused("count", "contacts", "-f", "nosuch:is:1")
    assert "no module" in shell.refused("count", "nosuch")


def test_counting_is_for_somebody(shell: Shell, admin: User) -> None:
    member = a_user("member")
    some_contacts(2, owner_id=member.id)
    some_contacts(3, owner_id=admin.id)
    assert shell.json("count", "contacts", "--as", member.email) == {"count": 2}


def test_seeding_adds_as_many_as_were_asked_for(shell: Shell, admin: User) -> None:
    said = shell.json("seed", "--contacts", 120)
    assert said["contacts"] == 120
    assert 0 < said["seconds"] < 60
    assert shell.json("count", "contacts") == {"count": 120}
    assert shell.json("count", "contacts", "-f", f"owner_id:is:{admin.id}")["count"] > 100
    assert shell("seed", "--contacts", 10).out.startswith("10 contacts in ")
    assert shell("seed", "--contacts", 0).status == 2
