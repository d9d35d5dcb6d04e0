"""What people see when something cannot be done: a page, or a notice where htmx asked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from flask import Flask, current_app, g, make_response, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge
from werkzeug.wrappers import Response

from massadmin.extensions import db, login_manager
from massadmin.web.access import PUBLIC, access_of, sign_in_first
from massadmin.web.formats import filesize
from massadmin.web.intake import forget_the_rest


@dataclass(frozen=True)
class Words:
    """What happened and what to do, in words of the console."""

    title: str
    text: str
    icon: str = "circle-alert"


WORDS = {
    400: Words("That request made no sense", "Go back, reload the page and try again."),
    403: Words(
        "Your role does not allow this",
        "Ask an admin of this console if you need it. Nothing was changed.",
        "lock",
    ),
    404: Words(
        "There is nothing here",
        "The page or record does not exist any more, or it is not yours to see.",
        "search-x",
    ),
    405: Words("That page cannot be used this way", "Go back and use its buttons."),
    409: Words(
        "Somebody was faster",
        "What you saw has changed since. Reload the page and look again before you go on.",
        "git-compare-arrows",
    ),
    410: Words("Expired", "It was kept for a time, and that is over.", "clock-alert"),
    413: Words(
        "That is too large",
        "Nothing was changed. Split a large file into smaller ones; shorten a long text.",
        "file-x",
    ),
    429: Words("Too many attempts", "Wait a little, then try again.", "timer"),
    500: Words(
        "Something broke on our side",
        "It was written to the log. What was already saved is safe; try again in a moment.",
        "server-crash",
    ),
    503: Words(
        "The database cannot be reached",
        "Nothing is lost: running bulk actions go on by themselves once it is back.",
        "database-zap",
    ),
}

EXPIRED = Words(
    "This page is from an earlier sign-in",
    "Nothing was changed. Reload the page and do it again.",
    "refresh-cw",
)


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(OperationalError, _database_away)


def _expired(error: CSRFError) -> Response:
    needed = access_of(current_app, request.endpoint) if request.endpoint else None
    if needed != (PUBLIC,) and not current_user.is_authenticated:
        return sign_in_first()
    return answer(400, EXPIRED)


def _refused(error: HTTPException) -> Response:
    if isinstance(error.response, Response):
        return error.response  # a view aborted with an answer of its own
    code = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        forget_the_rest()
    words = WORDS.get(code) or Words(error.name, error.description or "")
    if isinstance(error, RequestEntityTooLarge):
        words = replace(words, text=f"{_too_much()} {words.text}")
    # A view's own sentence says more than ours; werkzeug's defaults say less.
    if code != 500 and error.description and error.description != type(error).description:
        words = Words(words.title, error.description, words.icon)
    reference = ""
    if isinstance(error, InternalServerError):
        reference = secrets.token_hex(4)
        db.session.rollback()
        current_app.logger.error(
            "reference=%s method=%s path=%s",
            reference,
            request.method,
            request.path,
            exc_info=error.original_exception or error,
        )
    response = answer(code, words, reference)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _too_much() -> str:
    """What of the request there was too much of: bytes, or else texts beside a file."""
    sent, most = request.content_length, request.max_content_length
    if most is not None and (sent is None or sent > most):
        return f"More than the {filesize(most)} taken here was sent."
    return "More fields or longer texts were sent than are taken here."


def _database_away(error: OperationalError) -> Response:
    db.session.rollback()
    current_app.logger.error("database error on %s: %s", request.path, error.orig)
    response = answer(503, WORDS[503])
    response.headers["Retry-After"] = "5"
    return response


def answer(code: int, words: Words, reference: str = "") -> Response:
    """The page for `code`; for htmx a notice that goes to the toasts, or into an open dialog."""
    if code >= 500:
        # Every template is given the user; if the database did not tell who that is, it must not
        # be asked again. Flask-Login keeps its answer under this name.
        g.setdefault("_login_user", login_manager.anonymous_user())
    if request.headers.get("HX-Request") == "true":
        response = make_response(
            render_template("errors/_notice.html", words=words, reference=reference), code
        )
        response.headers["HX-Retarget"] = "#toasts"
        response.headers["HX-Reswap"] = "beforeend"
        return response
    # The sidebar asks the database, so it is left out when that, or we, may be what broke.
    framed = code < 500 and bool(current_user.is_authenticated)
    return make_response(
        render_template(
            "errors/page.html",
            layout="base.html" if framed else "_bare.html",
            words=words,
            code=code,
            reference=reference,
        ),
        code,
    )
