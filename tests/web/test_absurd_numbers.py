"""Numbers that nobody means, in every place where an address or a form has one: each gets an
answer that says so, or is passed over; none is an error of the server."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from werkzeug.datastructures import MultiDict

from massadmin.web.records.view import ListView
from tests.factories import a_user, contact, contacts, run_action, some_contacts
from tests.web.conftest import SignIn
from tests.web.runs.test_index import user_of

pytestmark = pytest.mark.usefixtures("db_session")

# More digits than Python reads; more than an id has; more than a short id has; another script's.
NUMBERS = ("9" * 5_000, "9" * 19, str(2**31), "٣", "-1", "1e9", "²")
ADDRESSES = {
    "/contacts": ("list", "per", "from", "edit", "selection", "after"),
    "/contacts/selection": ("total", "selection"),
    "/trash": ("run", "per", "from"),
    "/runs": ("per", "from_row", "after", "before", "user", "q", "from", "to"),
    "/runs/live": ("since", "known"),
    "/runs/1": ("from_row", "after", "before", "q"),
    "/runs/1/live": ("quarter",),
    "/runs/1/failures.csv": ("q",),
    "/contacts/1/timeline": ("events",),
    "/contacts/actions/add_tags": ("ids", "selection"),
    "/contacts/actions/restore": ("deleted_run", "ids"),
    "/settings/audit": ("user", "before", "since", "until"),
}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda each: each[:12])
def test_absurd_numbers_in_addresses(signed_in: SignIn, number: str) -> None:
    browser = signed_in()
    some_contacts(2)
    run_action("add_tags", user_of(browser), tags="vip")
    for path, names in ADDRESSES.items():
        for name in names:
            more = {"known": f"{number}:running:{number}"} if name == "known" else {name: number}
            more |= {"after": "1"} if name in ("from", "from_row") else {}
            answer = browser.get(f"{path}?{urlencode(more)}", buffered=True)
            assert answer.status_code < 500, (path, name)
    for field, op in FILTERS:
        answer = browser.get(f"/contacts?{urlencode({'f': f'{field}:{op}:{number}'})}")
        assert answer.status_code in (200, 422), (field, op)


FILTERS = (
    ("owner_id", "is"),
    ("owner_id", "one_of"),
    ("id", "gt"),
    ("created_at", "within_days"),
    ("created_at", "before"),
    ("last_activity_at", "after"),
)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda each: each[:12])
def test_a_confirmed_count_that_cannot_be_read_starts_nothing(
    signed_in: SignIn, number: str
) -> None:
    browser = signed_in()
    only = some_contacts(1)[0]
    form = {"ids": str(only), "tags": "vip", "expected": number, "idempotency_key": "k"}
    assert browser.post("/contacts/actions/add_tags", data=form).status_code in (409, 422)
    run = run_action("update_fields", user_of(browser), **{"set.city": "Oslo"})
    undone = browser.post(f"/runs/{run.id}/undo", data={"expected": number})
    assert undone.status_code in (409, 422)
    assert contact(only).city == "Oslo"


@pytest.mark.parametrize("number", NUMBERS, ids=lambda each: each[:12])
def test_absurd_numbers_in_forms(signed_in: SignIn, number: str) -> None:
    browser = signed_in()
    assert browser.post("/settings/profile/sessions/end", data={"session": number}).status_code in (
        400,
        404,
    )
    only = some_contacts(1)[0]
    saved = browser.post(f"/contacts/{only}/fields/owner_id", data={"value": number})
    assert saved.status_code == 422


def test_a_page_token_of_endless_brackets_is_refused(signed_in: SignIn) -> None:
    token = base64.urlsafe_b64encode(b"[" * 200_000).decode().rstrip("=")
    answer = signed_in().get("/contacts", query_string={"after": token})
    assert answer.status_code < 500


def test_the_view_passes_over_a_list_that_cannot_be(app: object) -> None:
    view = ListView.read(contacts(), a_user(), MultiDict({"list": "9" * 5_000, "per": "9" * 5_000}))
    assert view.smart_list is None
    assert view.error == ""
