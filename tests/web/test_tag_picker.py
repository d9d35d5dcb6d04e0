"""The tag picker of the add and remove dialogs."""

from __future__ import annotations

import re

import pytest

from tests.factories import a_user, run_action, some_contacts
from tests.web.conftest import SignIn
from tests.web.test_actions import HTMX, text_of, words

pytestmark = pytest.mark.usefixtures("db_session")


def ticks(html: str) -> dict[str, bool]:
    """The tags offered, and whether they are ticked."""
    found = re.findall(r'type="checkbox" name="tags" value="([^"]+)"( checked)?', html)
    return {name: bool(checked) for name, checked in found}


def test_few_tags_are_all_offered(signed_in: SignIn) -> None:
    [only] = some_contacts(1)
    run_action("add_tags", a_user(), tags="b,a")
    html = text_of(signed_in("manager").get(f"/contacts/actions/add_tags?ids={only}", headers=HTMX))
    assert ticks(html) == {"a": False, "b": False}


def test_many_tags_are_suggested_while_typing(signed_in: SignIn) -> None:
    [only] = some_contacts(1)
    run_action("add_tags", a_user(), tags=",".join(f"t{n}" for n in range(30)))
    html = text_of(signed_in("manager").get(f"/contacts/actions/add_tags?ids={only}", headers=HTMX))
    assert ticks(html) == {}
    assert html.count("<option") == 30


def test_ticked_and_typed_tags_go_together(signed_in: SignIn) -> None:
    [only] = some_contacts(1)
    admin = a_user()
    run_action("add_tags", admin, tags="old")
    data = {"ids": str(only), "tags": ["new", "old"]}
    browser = signed_in("manager")
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=data, headers=HTMX))
    assert "Add tags new, old" in words(html)
    data = {"ids": str(only), "tags": "new, old", "step": "configure"}
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=data, headers=HTMX))
    assert ticks(html) == {"old": True}
    assert 'id="tags" name="tags" value="new"' in html


def test_removing_offers_the_tags_that_are_there_with_their_counts(signed_in: SignIn) -> None:
    ids = some_contacts(3)
    admin = a_user()
    run_action("add_tags", admin, f"id:lt:{ids[2]}", tags="vip")
    run_action("add_tags", admin, f"id:is:{ids[0]}", tags="rare")
    run_action("add_tags", admin, f"id:is:{ids[2]}", tags="elsewhere")
    html = text_of(
        signed_in("manager").get(
            f"/contacts/actions/remove_tags?ids={ids[0]},{ids[1]}", headers=HTMX
        )
    )
    assert list(ticks(html)) == ["vip", "rare"]
    assert "vip 2" in words(html)
    assert "elsewhere" not in html
