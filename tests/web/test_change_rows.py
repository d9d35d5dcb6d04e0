"""The rows of the update-fields dialog."""

from __future__ import annotations

import re

import pytest
from werkzeug.datastructures import MultiDict

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import CustomField
from massadmin.runs.action import get_action
from massadmin.web.change_rows import ChangeRow, change_rows
from tests.factories import a_user, contacts, finished, some_contacts
from tests.web.conftest import SignIn
from tests.web.test_actions import HTMX, fields, runs, text_of, words

pytestmark = pytest.mark.usefixtures("db_session")
URL = "/contacts/actions/update_fields"


def rows(user: User, **data: str) -> list[ChangeRow]:
    module = contacts()
    given = MultiDict({name.replace("__", "-"): value for name, value in data.items()})
    return change_rows(get_action("update_fields").form(given, module, user), module)


def test_a_row_asks_what_its_field_and_change_need() -> None:
    user = a_user()
    db.session.add(CustomField(module="contacts", key="score", label="Score", type="number"))
    db.session.commit()

    def editor(field: str, op: str) -> ChangeRow:
        [row] = rows(user, change__0__field=field, change__0__op=op)
        return row

    assert editor("city", "set").editor == "input"
    assert editor("email", "set").input == "email"
    assert ("Lead", "Lead") in editor("status", "set").hints
    assert ("NO", "Norway") in editor("country", "set").hints
    assert editor("city", "clear").editor == "nothing"
    assert editor("city", "replace").editor == "replace"
    assert editor("dnd_email", "set").options == (("yes", "Yes"), ("no", "No"))
    assert editor("custom.score", "add").label == "Number to add"
    assert ("state", "State") in editor("city", "copy").options
    assert ("city", "City") not in editor("city", "copy").options
    assert ("city", "City") not in editor("email", "copy").options
    # What the field does not bear is not offered, and not kept when the field changes.
    assert [key for key, _ in editor("dnd_email", "clear").ops] == ["set", "copy"]
    assert editor("dnd_email", "clear").op == "set"
    assert editor("", "set").editor == "input"
    assert editor("nonsense", "nonsense").op == "set"


def names(html: str) -> list[str]:
    return re.findall(r'<select class="select" id="(change-\d+)-field"', html)


def test_rows_come_and_go_and_keep_what_was_typed(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    data = {"ids": str(only), "change-0-field": "city", "change-0-value": "Oslo"}
    html = text_of(browser.post(f"{URL}/preview", data={**data, "add": "change"}, headers=HTMX))
    assert names(html) == ["change-0", "change-1"]
    assert 'value="Oslo"' in html
    assert "autofocus" in html
    more = {**data, "change-1-field": "state", "change-1-value": "Viken"}
    html = text_of(
        browser.post(f"{URL}/preview", data={**more, "remove": "change-0"}, headers=HTMX)
    )
    assert len(names(html)) == 1
    assert 'value="Viken"' in html
    assert 'value="Oslo"' not in html
    html = text_of(browser.post(f"{URL}/preview", data={**data, "add": "nonsense"}, headers=HTMX))
    assert names(html) == ["change-0"]


def test_without_javascript_every_input_is_there(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    page = text_of(browser.get(f"{URL}?ids={only}"))
    for name in ("field", "op", "find", "value"):
        assert f'name="change-0-{name}"' in page
    assert 'type="submit" name="add" value="change"' in page
    data = {"ids": str(only), "change-0-field": "", "add": "change"}
    page = text_of(browser.post(f"{URL}/preview", data=data))
    assert names(page) == ["change-0", "change-1"]


def test_the_rows_of_a_mistake_stand_as_they_were(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    data = {
        "ids": str(only),
        "change-0-field": "email",
        "change-0-op": "set",
        "change-0-value": "nonsense",
    }
    answer = browser.post(f"{URL}/preview", data=data, headers=HTMX)
    html = text_of(answer)
    assert answer.status_code == 422
    assert 'href="#change"' in html
    assert "is no e-mail address" in html
    assert 'value="nonsense"' in html


def test_several_fields_at_once(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1, city="Oslo")
    data = {
        "ids": str(only),
        "change-0-field": "state",
        "change-0-op": "copy",
        "change-0-value": "city",
        "change-2-field": "city",
        "change-2-op": "clear",
    }
    html = text_of(browser.post(f"{URL}/preview", data=data, headers=HTMX))
    assert "City Oslo → becomes empty" in words(html)
    assert "State empty → becomes Oslo" in words(html)
    browser.post(URL, data=fields(html), headers=HTMX)
    assert finished(runs()[0]).succeeded == 1
