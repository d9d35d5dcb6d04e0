"""Install a wheel far from the checkout, start it there, and fetch a page with all it links to.

python page_from_wheel.py dist/massadmin-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

PATIENCE = 120  # seconds for the first start


def main() -> None:
    wheel = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="wheel-") as folder:
        elsewhere = Path(folder)
        venv.create(elsewhere / "venv", with_pip=True)
        programs = elsewhere / "venv" / "bin"
        run([programs / "python", "-m", "pip", "install", "-q", wheel], elsewhere)
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", 0))
            port = trial.getsockname()[1]
        command = [programs / "massadmin", "up", "--no-demo", "--workers", "1", "--port", str(port)]
        environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "MASSADMIN_DATA_DIR": str(elsewhere / "data"),
        }
        console = subprocess.Popen(command, cwd=elsewhere, env=environ)  # noqa: S603 - our own
        try:
            look(f"http://127.0.0.1:{port}", console)
        finally:
            console.send_signal(signal.SIGTERM)
            status = console.wait(60)
        if status:
            sys.exit(f"it stopped with status {status}")


def look(site: str, console: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            page = fetch(f"{site}/sign-in")
            break
        except OSError as error:
            if console.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"no page from the installed wheel: {error}")
            time.sleep(0.2)
    if "<form" not in page:
        sys.exit(f"the page has no form:\n{page}")
    linked = re.findall(r'(?:href|src)="(/static/[^"]+|/assets/[^"]+)"', page)
    if not linked:
        sys.exit(f"the page links to no style and no script:\n{page}")
    for path in linked:
        fetch(f"{site}{path}")
    print(f"the page and {len(linked)} files it links to came from the installed wheel")


def fetch(address: str) -> str:
    """The text at `address`. Raises OSError for everything but a 200."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - http, by us
        return str(answer.read().decode(errors="replace"))


def run(command: list[str | Path], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own


if __name__ == "__main__":
    main()
