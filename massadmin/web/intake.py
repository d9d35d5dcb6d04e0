"""How much a request may bring along: little from strangers, a form from people, and a file only
where one is taken, from those who may send it.

This is decided before anything reads the request, or a stranger could fill memory and disk with
what is only refused once it has been read.
"""

from __future__ import annotations

from typing import IO

from flask import Flask, current_app, request
from flask_login import current_user

from massadmin.web.access import View, access_of

STRANGERS_BYTES = 64 * 1024
FORM_BYTES = 2 * 1024 * 1024
# A browser reads no answer before it has sent everything, so a little too much is read and
# forgotten; what is larger, its own script refuses before sending.
FORGOTTEN_BYTES = 32 * 1024 * 1024
_BLOCK = 64 * 1024


def takes_a_file(view: View) -> View:
    """The view takes a file as large as `MASSADMIN_MAX_UPLOAD_MB` says; stands below its route."""
    view.takes_a_file = True  # type: ignore[attr-defined]  # read again by `_admit`
    return view


def init_app(app: Flask) -> None:
    """Hook the limits to `app`, ahead of everything that reads a request."""
    app.config.update(MAX_CONTENT_LENGTH=STRANGERS_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES)
    app.before_request(_admit)


def _admit() -> None:
    if request.method in ("GET", "HEAD") or not current_user.is_authenticated:
        return
    most, endpoint = FORM_BYTES, request.endpoint or ""
    if getattr(current_app.view_functions.get(endpoint), "takes_a_file", False):
        needed = access_of(current_app, endpoint) or ()
        if needed and all(current_user.can(each) for each in needed):
            most += current_app.config["SETTINGS"].max_upload_mb * 1024 * 1024
    request.max_content_length = most


def forget_the_rest() -> None:
    """Read what a refused request still sends, up to a limit, so that its answer is seen."""
    stream: IO[bytes] = request.environ["wsgi.input"]
    left = min(request.content_length or FORGOTTEN_BYTES, FORGOTTEN_BYTES)
    while left > 0 and (block := stream.read(min(left, _BLOCK))):
        left -= len(block)
