"""The second step: how the file is read, and where each of its columns goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from massadmin import imports
from massadmin.extensions import db
from massadmin.imports import BadMapping, ImportFile, uploads
from massadmin.records import custom_fields
from massadmin.records.custom_fields import BadField
from massadmin.records.modules import Module, get_module
from massadmin.records.values import whole_number
from massadmin.tabular import BadFile, Dialect
from massadmin.web.access import permission
from massadmin.web.answers import go, notice, page_or_fragment
from massadmin.web.imports import FILE, bp
from massadmin.web.imports.files import elsewhere, file_or_404, limits, me, module_of

# A form of more columns would take longer to draw than anybody reads.
SHOWN_COLUMNS = 200
SAMPLES = 3
NEW_FIELD = "new field"

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with its mark",
    "utf-16": "UTF-16 with its mark",
    "utf-16-le": "UTF-16-LE",
    "utf-16-be": "UTF-16-BE",
    "cp1252": "Windows Western European (1252)",
    "iso8859-15": "ISO Western European (8859-15)",
    "cp1250": "Windows Central European (1250)",
    "cp1251": "Windows Cyrillic (1251)",
    "koi8-r": "KOI8-R, Cyrillic",
    "cp1253": "Windows Greek (1253)",
    "iso8859-7": "ISO Greek (8859-7)",
    "cp1254": "Windows Turkish (1254)",
    "cp1255": "Windows Hebrew (1255)",
    "cp1256": "Windows Arabic (1256)",
    "cp932": "Shift JIS, Japanese",
    "gb18030": "GB 18030, Chinese",
    "big5": "Big5, Chinese",
    "cp949": "Korean (949)",
    "mac-roman": "Mac Roman",
    "cp850": "DOS Western European (850)",
}
DELIMITERS = {",": "Comma ,", ";": "Semicolon ;", "\t": "Tab", "|": "Bar |"}


@dataclass(frozen=True)
class Column:
    """One column of the file: where it goes, and what stands in its first filled cells."""

    index: int
    name: str
    target: str
    samples: list[str]
    error: str = ""


@bp.get(FILE + "/map")
@permission("contacts.import")
def columns(file_id: int) -> Response:
    file = file_or_404(file_id)
    return elsewhere(file) or _page(file, module_of(file), reading=_misread(file))


def _misread(file: ImportFile) -> str:
    """Why the file could not be read anew."""
    return file.problem or "" if file.errand == "read" else ""


@bp.post(FILE + "/map")
@permission("contacts.import")
def assign(file_id: int) -> Response:
    """Save where the columns go, make the fields that are new, and go on to the check."""
    file = file_or_404(file_id)
    module = module_of(file)
    if gone := elsewhere(file):
        return gone
    mapping, errors = _with_new_fields(file, module, _chosen_mapping(file))
    if errors:
        db.session.rollback()
        return _page(file, module, mapping, errors, status=422)
    try:
        imports.set_mapping(file, get_module(module.key), me(), mapping)
    except BadMapping as error:
        db.session.rollback()
        return _page(file, module, mapping, {-1: str(error)}, status=422)
    if not any(key and key != "id" for key in mapping):
        text = "Choose a field for at least one column; the ID alone only finds records."
        return _page(file, module, mapping, {-1: text}, status=422)
    return go(url_for("imports.check", file_id=file.id))


@bp.post(FILE + "/doubled")
@permission("contacts.import")
def told_doubled(file_id: int) -> str:
    """What the form says of several columns that go to one field, while it is being filled in."""
    file = file_or_404(file_id)
    found = doubled(_chosen_mapping(file), module_of(file))
    return render_template("imports/_doubled.html", doubled=found)


def _chosen_mapping(file: ImportFile) -> list[str | None]:
    """The mapping as the form has it; columns that it does not show keep theirs."""
    return [
        key if (chosen := request.form.get(f"column-{index}")) is None else chosen or None
        for index, key in enumerate(file.mapping)
    ]


def doubled(mapping: Sequence[str | None], module: Module) -> list[str]:
    """The labels of the fields that several columns go to."""
    times = Counter(mapping)
    return [label for key, label in imports.targets(module).items() if times[key] > 1]


@bp.post(FILE + "/read")
@permission("contacts.import")
def read_again(file_id: int) -> Response:
    """Read the file in another way: encoding, delimiter, header, lines above it, sheet."""
    file = file_or_404(file_id)
    module = module_of(file)
    if gone := elsewhere(file):
        return gone
    path = uploads.path_of(file.upload)
    if path is None:
        return _page(file, module, reading="The file itself is not here any more. Upload it again.")
    chosen = _chosen_dialect()
    try:
        if not imports.reads_quickly(path, limits()):
            imports.leave_to_read_again(file, chosen)
            return go(url_for("imports.reading", file_id=file.id))
        imports.restage(file, path, module, me(), limits=limits(), **chosen)
    except (BadFile, LookupError) as error:
        return _page(file, module, reading=str(error), chosen=chosen, status=422)
    notice(f"Read {file.rows:,} rows anew.")
    return go(url_for("imports.columns", file_id=file.id))


def _chosen_dialect() -> dict[str, Any]:
    """What the form says; what is left to be detected is left out."""
    form = request.form
    chosen: dict[str, Any] = {}
    for name in ("encoding", "delimiter", "sheet"):
        if form.get(name):
            chosen[name] = form[name]
    if form.get("has_header") in ("yes", "no"):
        chosen["has_header"] = form["has_header"] == "yes"
    preamble = whole_number(form.get("preamble", "").strip())
    if preamble is not None:
        chosen["preamble"] = min(preamble, 1_000_000)
    return chosen


def _with_new_fields(
    file: ImportFile, module: Module, mapping: list[str | None]
) -> tuple[list[str | None], dict[int, str]]:
    """The mapping with fields made for the columns that want one, and what was wrong, by column."""
    errors: dict[int, str] = {}
    made = list(mapping)
    for index, key in enumerate(mapping):
        if key != NEW_FIELD:
            continue
        if not me().can("settings.manage"):
            errors[index] = "Only admins add fields."
            continue
        try:
            field = custom_fields.add_field(
                module,
                file.columns[index],
                "text",
                (),
                me(),
                address=request.remote_addr or "",
            )
        except BadField as error:
            errors[index] = str(error)
            continue
        made[index] = f"custom.{field.key}"
    return (mapping if errors else made), errors


def _page(
    file: ImportFile,
    module: Module,
    mapping: list[str | None] | None = None,
    errors: dict[int, str] | None = None,
    *,
    reading: str = "",
    chosen: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """The page; `reading` is why the file could not be read as `chosen`, which stays chosen."""
    mapping, errors = mapping or file.mapping, errors or {}
    shown = _shown(mapping, errors)
    samples = imports.sample_rows(file)
    found = [
        Column(
            index,
            file.columns[index],
            mapping[index] or "",
            _samples(samples, index),
            errors.get(index, ""),
        )
        for index in shown
    ]
    return page_or_fragment(
        "imports/map.html",
        "imports/_map.html",
        status,
        file=file,
        module=module,
        dialect=replace(file.dialect, **chosen or {}),
        columns=found,
        left_out=len(mapping) - len(found),
        targets=imports.targets(module),
        may_add=current_user.can("settings.manage"),
        new_field=NEW_FIELD,
        errors=errors,
        doubled=doubled(mapping, module),
        reading=reading,
        readable=uploads.path_of(file.upload) is not None,
        encodings=_with_present(ENCODINGS, file.dialect.encoding),
        delimiters=_with_present(DELIMITERS, file.dialect.delimiter),
        described=described(file.dialect),
    )


def _shown(mapping: list[str | None], errors: dict[int, str]) -> list[int]:
    """The columns that the form shows: all, or the first and those that go somewhere."""
    return [
        index
        for index, key in enumerate(mapping)
        if index < SHOWN_COLUMNS or key is not None or index in errors
    ]


def _samples(rows: list[list[str]], index: int) -> list[str]:
    """The first different values of a column, shortened."""
    values = (row[index] for row in rows if index < len(row) and row[index].strip())
    return [value[:80] for value in dict.fromkeys(values)][:SAMPLES]


def _with_present(known: dict[str, str], present: str) -> dict[str, str]:
    return known if present in known else {present: repr(present).strip("'"), **known}


def described(dialect: Dialect) -> str:
    """How the file is read, in a few words."""
    header = "with a header" if dialect.has_header else "without a header"
    above = f", {dialect.preamble:,} lines above it left out" if dialect.preamble else ""
    if dialect.kind == "xlsx":
        return f"Excel workbook, sheet “{dialect.sheet}”, {header}{above}"
    encoding = ENCODINGS.get(dialect.encoding, dialect.encoding)
    delimiter = DELIMITERS.get(dialect.delimiter, dialect.delimiter).split()[0].lower()
    return f"Text in {encoding}, columns divided by {delimiter}, {header}{above}"
