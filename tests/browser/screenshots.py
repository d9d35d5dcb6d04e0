"""Takes the pictures of README from a console of its own, started for the purpose.

.venv/bin/python -m tests.browser.screenshots
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.processes import free_port, until

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / ".github" / "screenshots"
CHROMIUM = os.environ.get("MASSADMIN_CHROMIUM", "/usr/bin/chromium")
CONTACTS = 120_000


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


def picture(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")


def take(environ: dict[str, str], address: str, password: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=address, viewport={"width": 1360, "height": 800}, color_scheme=scheme
            )
            page = context.new_page()
            signed_in(page, password)
            page.goto("/contacts?f=status:is:Lead")
            page.locator(".tick-page").check()
            page.get_by_role("button", name="Select all").click()
            page.get_by_text("matching selected").first.wait_for()
            page.locator("tbody .tick").nth(2).uncheck()
            page.get_by_text("1 excluded").first.wait_for()
            picture(page, f"list-{scheme}")
            started = json.loads(
                massadmin(
                    environ, "run", "update_fields", "--module", "contacts", "--all",
                    "--param", f"set.source=Trade fair {scheme}", "--name", "Source: trade fair",
                    "--json",
                )
            )  # fmt: skip
            page.goto(f"/runs/{started['id']}")
            page.wait_for_timeout(4_500)
            picture(page, f"running-{scheme}")
            until(
                lambda run=started["id"]: (
                    json.loads(massadmin(environ, "runs", "show", str(run), "--json"))["state"]
                    == "completed"
                ),
                "the run ends",
            )
            page.goto("/runs/3")
            picture(page, f"run-{scheme}")
            context.close()
        browser.close()


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="massadmin-") as folder:
        environ = {**os.environ, "MASSADMIN_DATA_DIR": folder, "PYTHONPATH": str(ROOT)}
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
