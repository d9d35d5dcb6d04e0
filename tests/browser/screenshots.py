"""Takes pictures of a console of its own, started for the purpose: `make screenshots`.

Those of README; and, into `screenshots/`, every page that links lead to and every state that none
leads to, in both themes, most states on a small screen too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.states import NARROW, WIDE, half_done, make_odd, states
from tests.conftest import BROWSERS
from tests.processes import free_port, until

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / ".github" / "screenshots"
EVERY_PAGE = ROOT / "screenshots"
CONTACTS = 120_000
FILES = re.compile(r"\.csv$|/download$")
PEOPLE = "Name;E-mail;City\nAda Lovelace;ada@example.org;London\nAlan Turing;alan@;Wilmslow\n"


def massadmin(environ: dict[str, str], *arguments: str) -> str:
    """What a command prints."""
    return subprocess.run(
        [sys.executable, "-m", "massadmin.cli", *arguments],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def signed_in(page: Page, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("admin@massadmin.example")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/contacts")


def picture(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)


def take(environ: dict[str, str], address: str, password: str) -> None:
    """Take all pictures, in both themes."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("MASSADMIN_CHROMIUM", found),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for scheme in ("light", "dark"):
            page = opened(browser, address, scheme)
            signed_in(page, password)
            take_for_readme(page, environ, scheme)
            page.context.close()
        odd = make_odd()
        for scheme in ("light", "dark"):
            page = opened(browser, address, scheme)
            signed_in(page, password)
            take_every_page(page, scheme)
            with half_done() as files:
                take_every_state(page, odd | files, scheme)
            page.context.close()
        browser.close()


def opened(browser: Browser, address: str, scheme: str) -> Page:
    context = browser.new_context(
        base_url=address,
        viewport=WIDE,
        color_scheme="dark" if scheme == "dark" else "light",
    )
    return context.new_page()


def take_for_readme(page: Page, environ: dict[str, str], scheme: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.goto("/contacts?f=status:is:Lead")
    page.locator(".tick-page").check()
    page.get_by_role("button", name="Select all").click()
    page.get_by_text("matching selected").first.wait_for()
    page.locator("tbody .tick").nth(2).uncheck()
    page.get_by_text("1 excluded").first.wait_for()
    picture(page, PICTURES / f"list-{scheme}.png")
    started = json.loads(
        massadmin(
            environ, "run", "update_fields", "--module", "contacts", "--all",
            "--param", f"set.source=Trade fair {scheme}", "--name", "Source: trade fair",
            "--json",
        )
    )  # fmt: skip
    page.goto(f"/runs/{started['id']}")
    # A picture of the running state is worth taking once there is something in its chart.
    page.locator("#run-tile-processed").filter(has_text=re.compile(r"[1-9]\d,\d{3}")).wait_for()
    picture(page, PICTURES / f"running-{scheme}.png")

    def state() -> str:
        return str(
            json.loads(massadmin(environ, "runs", "show", str(started["id"]), "--json"))["state"]
        )

    until(lambda: state() == "completed", "the run ends")
    page.goto("/runs/3")
    picture(page, PICTURES / f"run-{scheme}.png")


def take_every_page(page: Page, scheme: str) -> None:
    """A picture of each kind of page that following links from the first one leads to."""
    EVERY_PAGE.mkdir(exist_ok=True)
    page.goto("/imports")
    page.set_input_files(
        "input[type=file]",
        {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()},
    )
    page.get_by_role("button", name="Upload and continue").click()
    page.wait_for_url("**/map")
    mapping = urlsplit(page.url).path
    ahead = ["/contacts", mapping, mapping.replace("/map", "/check"), "/no/such/page"]
    seen = set()
    while ahead:
        path = ahead.pop(0)
        parts = urlsplit(path)
        kind = re.sub(r"\d+", "n", parts.path.strip("/").replace("/", "-"))
        kind = re.sub("^contacts-n-fields-.*", "contacts-n-field", kind)
        kind = "-".join([kind, *parse_qs(parts.query).get("tab", [])]) or "home"
        if kind in seen or FILES.search(parts.path):
            continue
        seen.add(kind)
        page.goto(path)
        picture(page, EVERY_PAGE / f"{kind}-{scheme}.png")
        ahead += page.eval_on_selector_all(
            'a[href^="/"]', "links => links.map(each => each.getAttribute('href'))"
        )


def take_every_state(page: Page, odd: dict[str, int], scheme: str) -> None:
    """A picture of each state on both sizes of screen; what is in a menu there has no small one."""
    for name, come_to in states(odd).items():
        come_to(page)
        picture(page, EVERY_PAGE / f"state-{name}-{scheme}.png")
        page.set_viewport_size(NARROW)
        picture(page, EVERY_PAGE / f"state-{name}-small-{scheme}.png")
        page.set_viewport_size(WIDE)


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="massadmin-") as folder:
        os.environ |= {"MASSADMIN_DATA_DIR": folder, "PYTHONPATH": str(ROOT)}
        environ = dict(os.environ)
        with subprocess.Popen(
            [sys.executable, "-m", "massadmin.cli", "up", "--port", str(port)],
            env=environ,
            stdout=subprocess.DEVNULL,
        ) as console:
            try:
                passwords = Path(folder) / "passwords.txt"
                until(passwords.exists, "the first start")
                address = f"http://127.0.0.1:{port}"
                until(lambda: _answers(address), "the console answers")
                massadmin(environ, "seed", "--contacts", str(CONTACTS))
                (line,) = [
                    line
                    for line in passwords.read_text().splitlines()
                    if line.startswith("admin@massadmin.example")
                ]
                take(environ, address, line.split()[1])
            finally:
                console.terminate()


def _answers(address: str) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main()
