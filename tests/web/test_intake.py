"""What a request brings along is limited before anything of it is read."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from sqlalchemy import func, select

from massadmin.extensions import db
from massadmin.imports import ImportFile
from massadmin.web import intake
from massadmin.web.imports import upload
from tests.factories import contact, some_contacts
from tests.web.conftest import SignIn

FORM = "application/x-www-form-urlencoded"


class Endless(io.RawIOBase):
    """A request of this many bytes, none of which exists before it is read; counts what is."""

    def __init__(self, size: int, head: bytes = b"") -> None:
        self.left, self.read_bytes, self.head = size, 0, head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.left)
        begun, self.head = self.head[:count], self.head[count:]
        buffer[:count] = begun.ljust(count, b"x")
        self.left -= count
        self.read_bytes += count
        return count


def send(browser: FlaskClient, path: str, size: int, kind: str = FORM) -> tuple[Any, Endless]:
    """The answer to a POST of `size` bytes, and what was read of them."""
    body = Endless(size)
    answer = browser.post(
        path,
        headers={"X-CSRFToken": "none"},
        environ_overrides={
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": str(size),
            "CONTENT_TYPE": kind,
        },
    )
    return answer, body


@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=b"])
@pytest.mark.parametrize("path", ["/sign-in", "/imports", "/theme"])
def test_a_stranger_sends_little(app: Flask, client: FlaskClient, path: str, kind: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    answer, body = send(client, path, 1024**3, kind)
    assert answer.status_code == 413
    assert "That is too large" in answer.text
    assert body.read_bytes <= intake.FORGOTTEN_BYTES


def test_a_form_is_no_file(signed_in: SignIn, db_session: Any) -> None:
    [only] = some_contacts(1, city="Rome")
    browser = signed_in()
    answer, _ = send(browser, f"/contacts/{only}/fields/city", 10_000_000)
    assert answer.status_code == 413
    assert "More than the 2.1 MB taken here was sent. Nothing was changed." in answer.text
    assert contact(only).city == "Rome"
    fits = browser.post(f"/contacts/{only}/fields/city", data={"value": "x" * 1_000_000})
    assert fits.status_code == 422
    assert "at most 32,768 are kept" in fits.text
    assert contact(only).city == "Rome"


def test_a_file_is_taken_only_from_those_who_may_send_one(
    app: Flask, signed_in: SignIn, db_session: Any
) -> None:
    kind = "multipart/form-data; boundary=b"
    answer, body = send(signed_in("support_lead"), "/imports", 3 * 1024**2, kind)
    assert (answer.status_code, body.read_bytes) == (403, 0)
    app.config["WTF_CSRF_ENABLED"] = True  # which is looked for in the form
    answer, _ = send(signed_in("member"), "/theme", 3 * 1024**2, kind)
    assert answer.status_code == 413
    app.config["WTF_CSRF_ENABLED"] = False
    large = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n\r\n'
        + b"\x00" * 3 * 1024**2
        + b"\r\n--b--\r\n"
    )
    sent = {
        "wsgi.input": io.BytesIO(large),
        "CONTENT_LENGTH": str(len(large)),
        "CONTENT_TYPE": kind,
    }
    answer = signed_in("manager").post("/imports", environ_overrides=sent)
    assert answer.status_code == 422, "it is read, and found to be no table"
    assert db.session.scalar(select(func.count()).select_from(ImportFile)) == 0


HINT = b'--b\r\nContent-Disposition: form-data; name="hint"\r\n\r\n%b\r\n'


@pytest.mark.parametrize(
    "parts", [HINT % (b"x" * 3 * 1024**2), (HINT % b"x") * 1_001], ids=["long", "many"]
)
def test_beside_a_file_there_is_little_text(signed_in: SignIn, parts: bytes) -> None:
    sent = {
        "wsgi.input": io.BytesIO(parts + b"--b--\r\n"),
        "CONTENT_LENGTH": str(len(parts) + 7),
        "CONTENT_TYPE": "multipart/form-data; boundary=b",
    }
    answer = signed_in().post("/imports", environ_overrides=sent)
    assert answer.status_code == 413
    assert "More fields or longer texts were sent than are taken here." in answer.text
    assert "was sent." not in answer.text


def test_a_gigabyte_too_much_is_refused_without_being_read(signed_in: SignIn) -> None:
    kind = "multipart/form-data; boundary=b"
    answer, body = send(signed_in(), "/imports", 2 * 1024**3, kind)
    assert answer.status_code == 413
    assert "Split a large file" in answer.text
    assert body.read_bytes <= intake.FORGOTTEN_BYTES


def test_what_does_not_say_how_large_it_is_is_refused_on_the_way(
    app: Flask, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a proxy sends on in chunks what it has not got in whole yet."""
    # A temporary file that is not whole, the parser leaves to be closed some time.
    monkeypatch.setattr(Request, "_get_file_stream", lambda *_, **__: io.BytesIO())
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], max_upload_mb=3)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="people.csv"\r\n\r\n'
    body = Endless(2 * 1024**3, head)
    answer = signed_in().post(
        "/imports",
        environ_overrides={
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "CONTENT_TYPE": "multipart/form-data; boundary=b",
        },
    )
    assert answer.status_code == 413
    assert "More than the 5.2 MB taken here" in answer.text
    assert body.read_bytes <= 6 * 1024**2 + intake.FORGOTTEN_BYTES


def test_a_little_too_much_is_read_so_that_the_answer_is_seen(signed_in: SignIn) -> None:
    answer, body = send(signed_in(), "/settings/profile/name", 5_000_000)
    assert (answer.status_code, body.left) == (413, 0)


def test_views_of_files_say_so() -> None:
    assert upload.upload.takes_a_file  # type: ignore[attr-defined]  # the mark itself
