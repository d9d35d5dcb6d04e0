"""The action dialog: configure, preview, confirm, with and without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.selection import Selection, find_selection, new_selection, take_all, tick
from massadmin.runs.action import REGISTRY, Action, ActionForm
from massadmin.runs.chunk import Chunk
from massadmin.runs.models import Run
from tests.factories import (
    a_user,
    contact,
    contacts,
    finished,
    query,
    run_action,
    some_contacts,
    tags_of,
)
from tests.web.conftest import SignIn

pytestmark = pytest.mark.usefixtures("db_session")
HTMX = {"HX-Request": "true"}


def user_of(browser: FlaskClient) -> User:
    return db.session.get_one(User, browser.user_id)  # type: ignore[attr-defined]


def selected(browser: FlaskClient, *ids: int, conditions: tuple[str, ...] = ()) -> Selection:
    """A selection of these ids, or of all that match."""
    selection = new_selection(user_of(browser), contacts())
    if ids:
        tick(selection, ids)
    else:
        take_all(selection, query(*conditions))
    db.session.commit()
    return selection


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def text_of(answer: Any) -> str:
    html: str = answer.get_data(as_text=True)
    return html


def fields(html: str) -> dict[str, str]:
    """The hidden inputs of the form that confirms."""
    form = html[html.index('class="dialog') :]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def runs() -> list[Run]:
    db.session.rollback()
    return list(db.session.scalars(select(Run).order_by(Run.id)))


def test_from_selection_to_run(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(3, status="Lead")
    some_contacts(2)
    selection = selected(browser, conditions=("status:is:Lead",))
    token = str(selection.token)

    html = text_of(browser.get(f"/contacts/actions/add_tags?selection={token}", headers=HTMX))
    assert "3 contacts: Status is Lead" in words(html)
    assert "Step 1 of 2" in html
    assert '<button type="button" class="btn" data-close>Cancel</button>' in html

    typed = {"selection": token, "tags": "vip, new", "run_name": "Spring"}
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=typed, headers=HTMX))
    assert "Will change 3" in words(html)
    assert "Add tags · 3 contacts" in words(html)
    assert "You can undo it afterwards." in html
    assert tags_of(ids[0]) == []  # only rehearsed
    form = fields(html)
    assert form["expected"] == "3"

    answer = browser.post("/contacts/actions/add_tags", data=form, headers=HTMX)
    assert answer.status_code == 200
    events = json.loads(answer.headers["HX-Trigger"])
    assert events["selection-cleared"] == {"selection": token}
    assert "close-dialog" in events
    [run] = runs()
    assert "View progress" in text_of(answer)
    assert f'href="/runs/{run.id}"' in text_of(answer)
    assert (run.name, run.total, run.state) == ("Spring", 3, "queued")
    db.session.expire_all()
    cleared = find_selection(token, user_of(browser), contacts())
    assert (cleared.mode, cleared.ids) == ("ids", [])
    finished(run)
    assert tags_of(ids[0]) == ["new", "vip"]


def test_each_step_is_a_page_without_javascript(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(2)
    some = {"ids": f"{ids[0]},{ids[1]}"}
    page = text_of(browser.get("/contacts/actions/add_tags", query_string=some))
    assert "<html" in page
    assert "<h1>Add tags</h1>" in page
    assert "data-close>Cancel" not in page
    page = text_of(browser.post("/contacts/actions/add_tags/preview", data={**some, "tags": "a"}))
    assert "<html" in page
    form = fields(page[page.index("<main") :])
    answer = browser.post("/contacts/actions/add_tags", data=form)
    [run] = runs()
    assert (answer.status_code, answer.location) == (303, f"/runs/{run.id}")


def test_mistakes_come_back_with_what_was_typed(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    data = {"ids": str(only), "tags": "x" * 65, "run_name": "Mine"}
    answer = browser.post("/contacts/actions/add_tags/preview", data=data, headers=HTMX)
    html = text_of(answer)
    assert answer.status_code == 422
    assert 'class="error-summary"' in html
    assert 'href="#tags"' in html
    assert f'value="{"x" * 65}"' in html
    assert 'value="Mine"' in html
    answer = browser.post("/contacts/actions/add_tags", data={**data, "expected": "1"})
    assert answer.status_code == 422
    assert runs() == []


def test_the_way_back_keeps_what_was_typed(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    typed = {"ids": str(only), "tags": "a, b", "run_name": "Mine"}
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=typed, headers=HTMX))
    back = html[html.index('id="action-back"') : html.index("</form>")]
    sent = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', back))
    assert sent["step"] == "configure"
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=sent, headers=HTMX))
    assert "Step 1 of 2" in html
    assert 'value="a, b"' in html
    assert 'value="Mine"' in html
    assert "error-summary" not in html


def test_the_preview_is_honest_about_its_sample(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from massadmin.runs import preview as previewing

    original = previewing.preview
    monkeypatch.setattr("massadmin.web.actions.preview", lambda *args: original(*args, sample=2))
    browser = signed_in()
    some_contacts(5)
    token = str(selected(browser, conditions=()).token)
    html = text_of(
        browser.post(
            "/contacts/actions/add_tags/preview",
            data={"selection": token, "tags": "a"},
            headers=HTMX,
        )
    )
    assert "The first 2 of 5 were tried out" in words(html)
    assert "Will change 2" in words(html)
    assert "Add tags · 5 contacts" in words(html)


def test_it_says_what_is_so_already_and_what_is_blocked(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(3, source="x")
    contact(ids[0]).email = None
    db.session.commit()
    data = {
        "ids": ",".join(map(str, ids)),
        "change-0-field": "email",
        "change-0-op": "replace",
        "change-0-find": "p2@",
        "change-0-value": "@@",
    }
    html = text_of(browser.post("/contacts/actions/update_fields/preview", data=data, headers=HTMX))
    text = words(html)
    assert "Blocked 1" in text
    assert "1 × E-mail would not be an e-mail address" in text
    assert "2 × Already so" in text
    assert "Nothing would change." in text
    assert "Start anyway" in text


def test_a_dangerous_action_asks_for_the_word_on_the_server_too(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    html = text_of(browser.get(f"/contacts/actions/delete?ids={only}", headers=HTMX))
    # Nothing to configure: the preview comes at once.
    assert 'name="confirm"' in html
    assert "go to the trash" in html
    assert "Delete 1 contact" in words(html)
    form = fields(html)
    for word in ("", "delete", "DELETE all"):
        answer = browser.post(
            "/contacts/actions/delete", data={**form, "confirm": word}, headers=HTMX
        )
        assert answer.status_code == 422
        assert 'href="#confirm"' in text_of(answer)
        assert runs() == []
    answer = browser.post(
        "/contacts/actions/delete",
        data={**form, "confirm": "DELETE", "run_name": "Clean-up"},
        headers=HTMX,
    )
    assert answer.status_code == 200
    [run] = runs()
    assert run.name == "Clean-up"


def test_a_drifted_count_is_refused_with_the_new_one(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    token = str(selected(browser).token)
    data = {"selection": token, "tags": "a"}
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=data, headers=HTMX))
    some_contacts(1)
    answer = browser.post("/contacts/actions/add_tags", data=fields(html), headers=HTMX)
    html = text_of(answer)
    assert answer.status_code == 409
    assert "You confirmed 2 records, but the selection now holds 3." in html
    assert fields(html)["expected"] == "3"
    assert runs() == []
    assert browser.post("/contacts/actions/add_tags", data=fields(html)).status_code == 303


def test_a_wrong_word_does_not_hide_that_the_count_has_drifted(signed_in: SignIn) -> None:
    browser = signed_in()
    some_contacts(2)
    url = f"/contacts/actions/delete?selection={selected(browser).token}"
    form = fields(text_of(browser.get(url, headers=HTMX)))

    def wrong() -> str:
        data = {**form, "confirm": "delete"}
        answer = browser.post("/contacts/actions/delete", data=data, headers=HTMX)
        assert answer.status_code == 422
        return text_of(answer)

    assert "You confirmed" not in wrong()
    some_contacts(1)
    html = wrong()
    assert "You confirmed 2 records, but the selection now holds 3." in html
    assert fields(html)["expected"] == "3"


@pytest.mark.parametrize("by", ["ids", "selection"])
def test_a_double_click_is_one_run(signed_in: SignIn, by: str) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    data = {"tags": "a"}
    data[by] = str(only) if by == "ids" else str(selected(browser, only).token)
    html = text_of(browser.post("/contacts/actions/add_tags/preview", data=data, headers=HTMX))
    answers = [browser.post("/contacts/actions/add_tags", data=fields(html)) for _ in range(2)]
    [run] = runs()
    assert {answer.location for answer in answers} == {f"/runs/{run.id}"}
    other = browser.post("/contacts/actions/add_tags", data={**fields(html), "tags": "b"})
    assert other.status_code == 409
    assert len(runs()) == 1


def test_the_same_key_for_something_else_is_a_conflict(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    form = {"ids": str(only), "expected": "1", "idempotency_key": "k"}
    one = browser.post("/contacts/actions/add_tags", data={**form, "tags": "a"})
    two = browser.post("/contacts/actions/add_tags", data={**form, "tags": "a"})
    assert one.location == two.location
    other = browser.post("/contacts/actions/add_tags", data={**form, "tags": "b"}, headers=HTMX)
    assert other.status_code == 409
    assert "already used" in text_of(other)
    assert fields(text_of(other))["idempotency_key"] != "k"
    assert len(runs()) == 1


def test_roles_decide_in_each_step(signed_in: SignIn) -> None:
    member = signed_in("member")
    [only] = some_contacts(1, owner_id=member.user_id)  # type: ignore[attr-defined]
    data = {"ids": str(only), "expected": "1", "confirm": "DELETE"}
    for method, path in (("get", ""), ("post", "/preview"), ("post", "")):
        answer = getattr(member, method)(
            f"/contacts/actions/delete{path}",
            headers=HTMX,
            **({"query_string": data} if method == "get" else {"data": data}),
        )
        assert answer.status_code == 403
        assert "Your role may not delete in Contacts" in text_of(answer)
    assert runs() == []


def test_a_member_reaches_only_own_records(signed_in: SignIn) -> None:
    member = signed_in("member")
    [own] = some_contacts(1, owner_id=member.user_id)  # type: ignore[attr-defined]
    [foreign] = some_contacts(1)
    some = {"ids": f"{own},{foreign}"}
    html = text_of(member.get("/contacts/actions/add_tags", query_string=some, headers=HTMX))
    assert "2 contacts" not in words(html)
    answer = member.post("/contacts/actions/add_tags", data={**some, "tags": "a", "expected": "2"})
    assert answer.status_code == 409


def test_a_selection_of_somebody_else_is_unknown(signed_in: SignIn) -> None:
    some_contacts(1)
    token = str(selected(signed_in("manager")).token)
    answer = signed_in().get(f"/contacts/actions/add_tags?selection={token}", headers=HTMX)
    assert answer.status_code == 409
    assert "tick the records again" in text_of(answer)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/contacts/actions/nonsense?ids=1", 404),
        ("/contacts/actions/undo?ids=1", 404),
        ("/nonsense/actions/add_tags?ids=1", 404),
        ("/contacts/actions/add_tags", 400),
        ("/contacts/actions/add_tags?ids=x", 400),
        ("/contacts/actions/add_tags?ids=" + "9" * 30, 400),
        ("/contacts/actions/add_tags?selection=nonsense", 409),
        ("/contacts/actions/add_tags?deleted_run=1", 400),
        ("/contacts/actions/restore?deleted_run=x", 400),
    ],
)
def test_nonsense_is_refused(signed_in: SignIn, path: str, status: int) -> None:
    assert signed_in().get(path, headers=HTMX).status_code == status


def test_live_records_are_not_for_actions_of_the_trash(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    token = str(selected(browser, only).token)
    answer = browser.get(f"/contacts/actions/restore?selection={token}", headers=HTMX)
    assert answer.status_code == 409
    assert "is for deleted records in the trash" in text_of(answer)


def test_what_a_run_deleted_is_restored_at_once(signed_in: SignIn) -> None:
    browser = signed_in("support_lead")
    ids = some_contacts(2)
    gone = run_action("delete", a_user(), confirm="DELETE")
    some = {"deleted_run": str(gone.id)}
    html = text_of(browser.get("/contacts/actions/restore", query_string=some, headers=HTMX))
    assert f"2 contacts: what bulk action {gone.id} deleted" in words(html)
    data = {**some, "on_conflict": "skip"}
    html = text_of(browser.post("/contacts/actions/restore/preview", data=data, headers=HTMX))
    assert "Restore 2 contacts" in words(html)
    browser.post("/contacts/actions/restore", data=fields(html), headers=HTMX)
    finished(runs()[-1])
    assert contact(ids[0]).deleted_at is None


def test_nothing_left_to_work_on_is_said(signed_in: SignIn) -> None:
    browser = signed_in()
    html = text_of(browser.get("/contacts/actions/add_tags?ids=123", headers=HTMX))
    assert "None of these records can be worked on any more" in html
    assert "disabled>Preview" in html


def test_records_ticked_by_hand_are_called_by_name(signed_in: SignIn) -> None:
    browser = signed_in()
    ids = some_contacts(5)
    html = text_of(browser.get(f"/contacts/actions/add_tags?ids={ids[0]}", headers=HTMX))
    assert '<p class="muted">First1 Last1</p>' in html
    token = str(selected(browser, *ids).token)
    html = text_of(browser.get(f"/contacts/actions/add_tags?selection={token}", headers=HTMX))
    assert "5 contacts: First1 Last1, First2 Last2, First3 Last3 and 2 more" in words(html)


# --- actions of others -------------------------------------------------------------------------


class Nothing(Action):
    """An action with a word and no field for it, such as somebody else may write."""

    key, label, icon, permission = "nothing", "Do nothing", "circle", "edit"
    confirm_word = "yes"
    Form = ActionForm

    def apply(self, chunk: Chunk) -> None:
        chunk.skip("SELECT unnest(CAST(:ids AS bigint[])) AS id, 'no' AS reason")


@pytest.fixture
def nothing() -> Iterator[None]:
    REGISTRY["nothing"] = Nothing()
    yield
    del REGISTRY["nothing"]


@pytest.mark.usefixtures("nothing")
def test_the_word_is_asked_for_whatever_the_form_holds(signed_in: SignIn) -> None:
    browser = signed_in()
    [only] = some_contacts(1)
    html = text_of(browser.get(f"/contacts/actions/nothing?ids={only}", headers=HTMX))
    assert 'name="confirm"' in html
    form = fields(html)
    assert browser.post("/contacts/actions/nothing", data=form).status_code == 422
    answer = browser.post("/contacts/actions/nothing", data={**form, "confirm": "yes"})
    assert answer.status_code == 303
