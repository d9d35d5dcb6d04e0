"""Cells: values as a page reads them, as markup.

A list shows hundreds of them, so what depends on the field alone is decided once for its column;
a template that asks anew in every cell takes most of the time that a page takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from markupsafe import Markup, escape

from massadmin.records.fields import Field
from massadmin.records.listing import title
from massadmin.web.assets import icon
from massadmin.web.formats import moment, zone
from massadmin.web.records.view import ListView

# A value that is not None, as escaped markup.
Cell = Callable[[Any], str]

# The kind and the icon of a status; words that are not ours are neutral.
STATUSES = {
    "lead": ("info", "sparkles"),
    "prospect": ("info", "target"),
    "customer": ("good", "check"),
    "partner": ("good", "handshake"),
    "inactive": ("neutral", "moon"),
    "unsubscribed": ("warn", "bell-off"),
}
NEUTRAL = ("neutral", "circle")
# Longer text is hardly ever seen whole in a column, so it is also told on hovering.
FITTING_CHARS = 28
SHOWN_TAGS = 3


@dataclass(frozen=True)
class Row:
    """One record of a list: what it is called, and its cells in markup."""

    id: int
    name: str
    ticked: bool
    cells: Markup


def rows(view: ListView) -> Iterator[Row]:
    """The records that a list shows, in its columns; the first of them leads to the record."""
    columns = [(field.key, _begin(field), _of_list(field, view.names)) for field in view.columns]
    address = url_for("records.show", module=view.module.key, record_id=0).removesuffix("0")
    for record in view.page.records:
        name = title(view.module, record)
        found: list[str] = []
        for key, begin, cell in columns:
            value = record[key]
            inner = "" if value is None else cell(value)
            if not found:
                # Tags would be no name to follow.
                inner = inner if inner and key != "tags" else _fallback(name)
                inner = f'<a class="row-link" href="{address}{record["id"]}">{inner}</a>'
            found.append(f"{begin}{inner}</td>")
        # Every cell is escaped where it is made.
        cells = Markup("".join(found))  # noqa: S704  # see the line above
        yield Row(record["id"], name, view.ticked(record["id"]), cells)


def whole(field: Field, value: Any, names: Mapping[int, str]) -> Markup:
    """One value with nothing left out, as the page of its record shows it; empty for None."""
    if value is None:
        return Markup("")
    cell = _plain(field, names) or escape
    if field.type == "email":
        cell = _breaking
    return Markup(_tags(value, len(value)) if field.type == "tags" else cell(value))  # noqa: S704  # both escape


def status(word: str) -> Markup:
    """A status as a chip."""
    kind, glyph = STATUSES.get(word.lower(), NEUTRAL)
    return Markup('<span class="chip chip-{}">{}<span class="clip">{}</span></span>').format(
        kind, icon(glyph, 13), word
    )


def _begin(field: Field) -> str:
    css = {"number": ' class="num"', "id": ' class="num"', "tags": ' class="tags-cell"'}
    return f'<td{css.get(field.type, "")} dir="auto">'


def _fallback(name: str) -> str:
    return f'<span class="fallback">{escape(name)}</span>'


def _of_list(field: Field, names: Mapping[int, str]) -> Cell:
    """The cells of a list's column, which leave out what there is no room for."""
    if field.type == "tags":
        return lambda tags: _tags(tags, SHOWN_TAGS)
    return _plain(field, names) or _fitting


def _plain(field: Field, names: Mapping[int, str]) -> Cell | None:
    """The cells of a field; None for text that is shown as it is."""
    match field.type:
        case "user":
            return lambda value: escape(names.get(value, f"User {value}"))
        case "datetime":
            reader = zone()
            return lambda value: moment(value, where=reader)
        case "date":
            return lambda value: (
                f'<time datetime="{value.isoformat()}">{value.day} {value:%b %Y}</time>'
            )
        case "boolean":
            yes = f'<span class="yes">{icon("check", 14)}Yes</span>'
            return lambda value: yes if value else '<span class="muted">No</span>'
        case "number":
            return lambda value: f"{value.normalize():f}"
    if field.key == "status":
        known: dict[str, Markup] = {}
        return lambda word: known.get(word) or known.setdefault(word, status(word))
    return None


def _breaking(value: Any) -> str:
    # Where there is no room for all of an address, it parts where a reader would part it.
    return escape(value).replace("@", Markup("@<wbr>"))


def _fitting(value: Any) -> str:
    text = str(value)
    shown = escape(text)
    if len(text) > FITTING_CHARS:
        return f'<span title="{shown}">{shown}</span>'
    return f"<span>{shown}</span>"


def _tags(tags: Sequence[str], most: int) -> str:
    if not tags:
        return ""
    shown = "".join(
        [f'<span class="tag" title="{name}">{name}</span>' for name in map(escape, tags[:most])]
    )
    rest = tags[most:]
    if rest:
        told = escape(", ".join(rest))
        shown += f'<span class="muted meta" title="{told}">+{len(rest)}</span>'
    return f'<span class="tags">{shown}</span>'
