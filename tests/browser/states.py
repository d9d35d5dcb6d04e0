"""States that no link leads to, for pictures: a console in which odd things have happened, and how
each dialog, menu, refusal and small screen is come to."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from playwright.sync_api import Page, ViewportSize
from sqlalchemy import text

from massadmin.auth.models import User
from massadmin.cli.console import console
from massadmin.extensions import db
from massadmin.imports.errands import BROKE_OFF
from massadmin.imports.models import ImportFile
from massadmin.imports.staging import stage
from massadmin.records.custom_fields import add_field
from massadmin.records.modules import get_module
from massadmin.records.smart_lists import save_list
from massadmin.runs.execute import drain
from massadmin.tabular import Dialect
from tests.factories import a_user, contacts, query, start_action

ACTIONS = ("add_tags", "remove_tags", "update_fields", "change_owner", "delete", "export")
NAMES = (
    ("Wolfeschlegelsteinhausenbergerdorff" * 4)[:120],
    "محمد بن عبد الرحمن آل سعود الكبير جدا",
    "👩‍👩‍👧‍👦🎉 Zoë 🏳️‍🌈",
    "<b>Bold</b> {{ 7 * 7 }}",
    None,
)
LARGEST = 2_000_000_000
NARROW: ViewportSize = {"width": 320, "height": 720}
WIDE: ViewportSize = {"width": 1360, "height": 800}


def make_odd() -> dict[str, int]:
    """Fill the console whose data folder the environment names with what hardly ever happens.

    Returns:
        The ids of runs in odd states by what they are, of records as `record-0` and so on.
    """
    with console():
        admin = db.session.query(User).filter_by(role="admin").order_by(User.id).first()
        assert admin is not None
        a_user("support_lead", "Wolfeschlegelsteinhausenbergerdorff " * 5, email="w@example.com")
        for number in range(45):
            label = "A field whose label goes on and on until nobody reads it"
            label = f"Extra field {number}" if number else label
            kind = "number" if number % 2 else "text"
            add_field(get_module("contacts"), label, kind, (), admin)
        save_list(admin, contacts(), "A list with a name that goes on " * 2, query("city:is:Oslo"))
        newest = text("SELECT id FROM contacts WHERE deleted_at IS NULL ORDER BY id DESC LIMIT 5")
        ids = list(db.session.scalars(newest))
        for each, name in zip(ids, NAMES, strict=True):
            db.session.execute(
                text("UPDATE contacts SET first_name = :n, company_name = :n WHERE id = :id"),
                {"n": name, "id": each},
            )
        db.session.execute(
            text("UPDATE contacts SET last_name = NULL, email = NULL WHERE first_name IS NULL")
        )
        db.session.commit()
        tags = ",".join(f"tag number {number}" for number in range(39))
        tagged = start_action("add_tags", admin, f"id:is:{ids[0]}", tags=f"{'long ' * 12},{tags}")
        drain(tagged.id)
        found = {f"record-{number}": each for number, each in enumerate(ids)}
        few = "city:is:Bergen"
        found["running"] = _stands_still(admin, "Source: trade fair in Bergen", few)
        found["holding"] = _stands_still(admin, "Held, for a person to look at", few)
        found["postponed"] = _stands_still(admin, "Tried again, and again", few)
        found["large"] = _stands_still(admin, "A name that never seems to end " * 4, few)
        for statement in (
            "UPDATE runs SET state = 'holding', error = 'No space left on device'"
            " WHERE id = :holding",
            "UPDATE run_chunks SET attempts = 1, error = 'connection to the server was lost'"
            " WHERE run_id = :postponed AND state = 'pending'",
            f"UPDATE runs SET total = {LARGEST} WHERE id = :large",
            "UPDATE run_chunks SET succeeded = 499000000, skipped = 9000000, failed = 1000"
            " WHERE run_id = :large AND seq = (SELECT min(seq) FROM run_chunks"
            " WHERE run_id = :large AND state = 'done')",
        ):
            db.session.execute(text(statement), found)
        db.session.commit()
        return found


@contextmanager
def half_done() -> Iterator[dict[str, int]]:
    """The ids of large files by what they are: half read, half started, and one each with which
    that cannot be done. They stay as they are within the block, for no clock can take a row that
    is locked."""
    with console():
        admin = db.session.query(User).filter_by(role="admin").order_by(User.id).first()
        assert admin is not None
        large = "Everybody who ever wrote to us " * 3 + ".xlsx"
        files = {
            "reading": file_left(admin, large, share_done=45),
            "unreadable": file_left(admin, "cut off.xlsx", problem="The file breaks off."),
            "starting": staged_file(admin, large, errand="start", share_done=45),
            "unstartable": unstartable_file(admin),
        }
        db.session.add_all(files.values())
        db.session.commit()
        found = {name: file.id for name, file in files.items()}
        lock = text("SELECT id FROM import_files WHERE id IN (:reading, :starting) FOR UPDATE")
        with db.engine.begin() as holder:
            holder.execute(lock, found)
            yield found


def file_left(user: User, filename: str, **columns: Any) -> ImportFile:
    """A large file that was uploaded and not yet read, but for what `columns` say."""
    given = {"module": "contacts", "size": 31_000_000, "rows": 0, "dialect_json": {}, "mapping": []}
    given |= {"errand": "read", "user_id": user.id, "filename": filename}
    return ImportFile(**given | columns)


def staged_file(user: User, filename: str, **columns: Any) -> ImportFile:
    """The same, read; without its rows, of which pages show the number alone."""
    dialect = Dialect(kind="csv", columns=("Email", "City"))
    read = {"rows": 3_800_000, "dialect_json": dialect.to_json(), "mapping": ["email", "city"]}
    return file_left(user, filename, **read | columns)


def unstartable_file(user: User) -> ImportFile:
    """A file with rows, of which starting the import broke off again and again."""
    rows = "Email,City\n" + "".join(f"new{number}@example.org,Oslo\n" for number in range(12))
    file = stage(io.BytesIO(rows.encode()), "customers.csv", contacts(), user)
    file.errand, file.problem = "start", BROKE_OFF["start"]
    return file


def _stands_still(admin: User, name: str, condition: str) -> int:
    """The id of a run that is half done and waits for tomorrow."""
    run = start_action("update_fields", admin, condition, **{"set.source": name[:20]})
    db.session.execute(
        text(
            "UPDATE run_chunks SET due_at = now() + interval '1 day'"
            " WHERE run_id = :id AND state = 'pending'"
            " AND seq > (SELECT max(seq) / 2 FROM run_chunks WHERE run_id = :id)"
        ),
        {"id": run.id},
    )
    db.session.execute(text("UPDATE runs SET name = :n WHERE id = :id"), {"n": name, "id": run.id})
    db.session.commit()
    drain(run.id)
    return run.id


def _go(page: Page, path: str) -> None:
    page.goto(path)


def _select(page: Page) -> None:
    page.goto("/contacts?f=status:is:Lead")
    page.locator(".tick-page").check()
    page.locator("#select-all").click()
    page.get_by_text("matching selected").first.wait_for()


def _open(page: Page, opener: str) -> None:
    page.click(opener)
    page.locator("#dlg[open] .dialog").wait_for()


def _submit(page: Page, shows: str) -> None:
    page.locator("#dlg button[type=submit]").last.click()
    page.locator(f"#dlg {shows}").first.wait_for()


def _act(page: Page, key: str) -> None:
    """Configure an action on what is selected."""
    opener = page.locator(f"#bar [hx-get*='/{key}?']").first
    if not opener.is_visible():
        page.click("#more-actions-button")
    opener.click()
    page.locator("#dlg[open] .dialog").wait_for()


def _configure(page: Page, key: str) -> None:
    _select(page)
    _act(page, key)


def _refused_delete(page: Page) -> None:
    _configure(page, "delete")
    _submit(page, ".forecast")
    page.locator("#dlg .confirm-word input").fill("delete")
    _submit(page, ".error-summary")


def _refused_update(page: Page) -> None:
    _configure(page, "update_fields")
    _submit(page, ".error-summary")


def _menu(page: Page, path: str, button: str) -> None:
    page.goto(path)
    page.click(button)
    page.wait_for_load_state("networkidle")


def _dialog(page: Page, path: str, button: str) -> None:
    page.goto(path)
    _open(page, button)


def _refused(page: Page, path: str, button: str) -> None:
    _dialog(page, path, button)
    _submit(page, ".error-summary")


def _refused_sign_in(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("nobody@example.com")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.locator(".error-summary").wait_for()


def _polls_in_vain(page: Page) -> None:
    page.goto("/runs")
    page.route("**/live*", lambda route: route.abort())
    page.locator("#live").wait_for()
    page.unroute("**/live*")


def states(odd: dict[str, int]) -> dict[str, Callable[[Page], None]]:
    """How to come to each state, by the name of its picture. The last one signs out."""
    going: dict[str, Callable[[Page], None]] = {}
    for name, path in {
        "none-match": "/contacts?q=nobody-of-this-name",
        "filter-unknown": "/contacts?f=nope:is:1",
        "runs-none-match": "/runs?q=nothing",
        "audit-none-match": "/settings/audit?q=nobody",
        **{f"record-{n}": f"/contacts/{odd[f'record-{n}']}" for n in range(len(NAMES))},
        **{f"run-{n}": f"/runs/{odd[n]}" for n in ("running", "holding", "postponed", "large")},
        **{f"file-{n}": f"/imports/{odd[n]}/reading" for n in ("reading", "unreadable")},
        "file-starting": f"/imports/{odd['starting']}/starting",
        "file-unstartable": f"/imports/{odd['unstartable']}/check",
        "files": "/imports",
    }.items():
        going[name] = partial(_go, path=path)
    going["selected"] = _select
    for key in ACTIONS:
        going[f"action-{key}"] = partial(_configure, key=key)
    going["delete-refused"] = _refused_delete
    going["update-refused"] = _refused_update
    going["save-view-refused"] = partial(_refused, path="/contacts", button="#save-view")
    going["user-refused"] = partial(_refused, path="/settings/users", button="#add-user")
    going["filter-form"] = partial(_menu, path="/contacts", button="#add-filter")
    going["columns"] = partial(_menu, path="/contacts", button="#columns-button")
    going["user-menu"] = partial(_menu, path="/contacts", button="#user-menu-button")
    running = odd["running"]
    going["run-menu"] = partial(_menu, path="/runs", button=f"#run-{running}-menu-button")
    going["run-cancel"] = partial(_dialog, path=f"/runs/{running}", button="#run-cancel")
    going["run-undo"] = partial(_dialog, path="/runs/1", button="#panel-undo")
    going["trash-restore"] = partial(_dialog, path="/trash", button="[id^=restore-run-]")
    going["trash-find"] = partial(_dialog, path="/trash", button="#find")
    going["live-updates-paused"] = _polls_in_vain
    going["sign-in-refused"] = _refused_sign_in
    return going
