"""A person at a browser, over HTTP to a real web server."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from html import unescape

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Answer:
    """What the server answered; `url` is where redirects led."""

    status: int
    url: str
    html: str

    @property
    def words(self) -> str:
        """The text of the page, without the tags."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.html)).split())

    def hidden(self, kind: str = 'class="dialog') -> list[tuple[str, str]]:
        """The hidden inputs of the first form that begins with `kind`."""
        form = self.html[self.html.index(kind) :].partition("</form>")[0]
        pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
        return [(name, unescape(value)) for name, value in pairs]


def reachable(address: str) -> bool:
    """Whether a web server is ready."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class Person:
    """Somebody with a browser that keeps cookies and reads no JavaScript."""

    def __init__(self) -> None:
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies)
        )

    def get(self, url: str, data: list[tuple[str, str]] | None = None) -> Answer:
        """Open a page, or send a form.

        Raises:
            OSError: nobody answers, or the connection breaks off.
        """
        body = None if data is None else urllib.parse.urlencode(data).encode()
        try:
            with self._opener.open(url, body, timeout=60) as answer:
                return Answer(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(answer.code, answer.url or url, answer.read().decode())

    def token(self, page: Answer) -> tuple[str, str]:
        """The field by which a form of this page is known to be ours."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.html)
        assert found, page.words
        return "csrf_token", found[1]

    def sign_in(self, address: str, email: str = "admin@example.com") -> None:
        """Sign in at the server."""
        form = self.get(f"{address}/sign-in")
        fields = [self.token(form), ("email", email), ("password", PASSWORD)]
        assert "/sign-in" not in self.get(f"{address}/sign-in", fields).url

    def steer(self, address: str, run_id: int, verb: str) -> Answer:
        """Pause, resume or cancel a run."""
        page = self.get(f"{address}/runs/{run_id}")
        return self.get(f"{address}/runs/{run_id}/{verb}", [self.token(page)])

    def all_of(self, address: str, state: str = "") -> tuple[str, str]:
        """Select everything that a list shows; `state` is the list's own address, after the `?`.
        What a form sends along to name these records."""
        selected = ("selection", str(uuid.uuid4()))
        page = self.get(f"{address}/contacts?{state}")
        fields = [self.token(page), selected, ("op", "all"), ("at", state)]
        answer = self.get(f"{address}/contacts/selection", fields)
        assert answer.status == 200, answer.words
        return selected

    def previewed(self, address: str, selected: tuple[str, str]) -> list[tuple[str, str]]:
        """The form that starts a run adding 1 to the field of these records; they are named by a
        selection, or by their ids."""
        url = f"{address}/contacts/actions/update_fields"
        page = self.get(f"{url}?{urllib.parse.urlencode([selected])}")
        row = [("field", "custom.changes"), ("op", "add"), ("value", "1")]
        changes = [(f"change-0-{name}", value) for name, value in row]
        preview = self.get(f"{url}/preview", [self.token(page), selected, *changes])
        assert preview.status == 200, preview.words
        return preview.hidden()

    def submit(self, address: str, form: list[tuple[str, str]]) -> Answer:
        """Start the run of a previewed form."""
        return self.get(f"{address}/contacts/actions/update_fields", form)
