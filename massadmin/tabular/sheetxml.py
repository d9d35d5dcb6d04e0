"""Rows of a worksheet, streamed out of its XML.

Made for speed and constant memory: the text is cut at the ends of rows, and rows as all common
programs write them are taken apart by one regular expression. A row that it does not account for
in full (comments, other order of attributes, rich text) goes through expat, and means the same.
A library that loads a whole sheet would need some 75 bytes a cell, and a sheet of two cells in
opposite corners would be the end of the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from massadmin.tabular.errors import BadWorkbook, CellTooLong
from massadmin.tabular.package import DAMAGED, local, parse

# One cell as written: letters of its column, its attributes but for the reference, value, value of
# a formula, text given in place. At most one of the last three is not empty.
Cell = tuple[str, str, str, str, str]

_NUMBER = re.compile(r'\sr="(\d{1,7})"')
_CELL = re.compile(
    r'<c r="([A-Z]{1,3})\d{1,7}"([^<>]*)>'
    r"(?:<v>([^<]*)</v></c>"
    r"|(?<=/>)"
    r"|<f[^<>]*>(?:[^<]*</f>)?<v>([^<]*)</v></c>"
    r"|<is><t[^<>]*>([^<]*)</t></is></c>"
    r"|</c>)"
)
_ATTRIBUTE = re.compile(r"""\s([A-Za-z]+)\s*=\s*["']([^"']*)["']""")
_ITEM = re.compile(
    r"<si>(?:<t(?: xml:space=\"preserve\")?>([^<]*)</t>|<t/>)?(?:<phoneticPr[^<>]*/>)?</si>|<si/>"
)
_ROOT_WITHIN = 4 * 1024 * 1024
_COLUMN = re.compile("[A-Z]{1,3}")
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_ESCAPED = re.compile(r"_x([0-9a-fA-F]{4})_")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def pieces(blocks: Iterable[str], root: str, tag: str, longest: int) -> Iterator[str]:
    """The content of `root` in pieces that hold whole elements `tag`; prefixes are taken off.

    Raises:
        CellTooLong: one element has more than `longest` characters.
        BadWorkbook: there is no such root, or no end of it.
    """
    opening = re.compile(rf"<(?:([A-Za-z_][\w.-]*):)?{root}\b[^<>]*>")
    carry, prefix, found = "", "", False
    for block in blocks:
        carry += block
        if not found:
            match = opening.search(carry)
            if match is None:
                if len(carry) > _ROOT_WITHIN:
                    break
                continue
            if match[0].endswith("/>"):
                return
            found, prefix, carry = True, match[1] or "", carry[match.end() :]
        if prefix:
            # Half a tag at the very end waits for the rest of it.
            whole = carry.rfind("<") if carry.rfind("<") > carry.rfind(">") else len(carry)
            plain = carry[:whole].replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</")
            carry = plain + carry[whole:]
        end = carry.find(f"</{root}")
        if end >= 0:
            yield carry[:end]
            return
        cut = max(carry.rfind(f"</{tag}>") + len(tag) + 3, carry.rfind(f"<{tag}"))
        if cut > len(tag) + 2:
            yield carry[:cut]
            carry = carry[cut:]
        if len(carry) > longest:
            raise CellTooLong(
                f"One <{tag}> in the workbook has more than {longest:,} characters. "
                "Save the sheet as CSV, and import that."
            )
    raise BadWorkbook(DAMAGED)


def row_cells(blocks: Iterable[str], longest: int) -> Iterator[tuple[int, list[Cell]]]:
    """(row number, cells) of each row. Values and texts are raw XML: `plain` makes them text."""
    number = 0
    for piece in pieces(blocks, "sheetData", "row", longest):
        # Only comments and CDATA begin so; what they hold looks like rows and is none.
        if "<!" in piece:
            for given, cells in _rows_by_expat(piece):
                number = int(given) if given.isdecimal() else number + 1
                yield number, cells
            continue
        for row in piece.split("<row")[1:]:
            head, _, inner = row.partition(">")
            match = _NUMBER.search(head)
            number = int(match[1]) if match else number + 1
            cells = _CELL.findall(inner)
            if inner.count("<c") != len(cells):
                cells = _rows_by_expat(f"<row>{inner}")[0][1]
            yield number, cells


def _rows_by_expat(text: str) -> list[tuple[str, list[Cell]]]:
    """(row number or "", cells) of well-formed rows, whatever way they are written."""
    rows: list[tuple[str, list[Cell]]] = []
    cell: dict[str, str] = {}
    taken: list[str] = []
    inside: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        name = local(name)
        inside.append(name)
        if name == "row":
            rows.append((attributes.get("r", ""), []))
        elif name == "c":
            cell.clear()
            cell.update(attributes)
        elif name in ("v", "t"):
            taken.clear()

    def end(name: str) -> None:
        inside.pop()
        name = local(name)
        if name == "v":
            cell["value"] = "".join(taken)
        elif name == "t" and "rPh" not in inside:
            cell["inline"] = cell.get("inline", "") + "".join(taken)
        elif name == "c":
            letters = cell.get("r", "").rstrip("0123456789")
            given = "".join(f' {key}="{cell[key]}"' for key in ("s", "t") if key in cell)
            value = cell.get("value", "").replace("&", "&amp;")
            inline = cell.get("inline", "").replace("&", "&amp;")
            rows[-1][1].append((letters, given, value, "", inline))

    parse(f"<rows>{text}</rows>", start, end, taken.append)
    return rows


def shared_strings(blocks: Iterable[str], longest: int) -> Iterator[str]:
    """The texts of a workbook's table of strings, in order."""
    for piece in pieces(blocks, "sst", "si", longest):
        found = _ITEM.findall(piece)
        if len(found) == piece.count("<si") and "<!" not in piece:
            yield from map(plain, found)
        else:
            yield from _strings_by_expat(piece)


def _strings_by_expat(text: str) -> list[str]:
    """Texts of items that hold runs of several formats; how they are pronounced is left out."""
    items: list[list[str]] = []
    inside: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        inside.append(local(name))
        if inside[-1] == "si":
            items.append([])

    def data(text: str) -> None:
        if inside[-1] == "t" and "rPh" not in inside:
            items[-1].append(text)

    parse(f"<items>{text}</items>", start, lambda name: inside.pop(), data)
    return [plain("".join(item).replace("&", "&amp;")) for item in items]


def plain(raw: str) -> str:
    """Text from what stands between two tags, with Excel's `_x000D_` for control characters.

    NUL, which only this can spell, is left out: no field could keep it.
    """
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    if "&" in raw:
        raw = _ENTITY.sub(_character, raw)
    if "_x" in raw:
        raw = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), raw).replace("\0", "")
        # Beyond U+FFFF it spells two halves, which are put together.
        raw = raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return raw


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED[match[3]]
    code = int(match[1]) if match[1] else int(match[2], 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"


def style_and_type(attributes: str) -> tuple[str, str]:
    """Index of the style and type of a cell, "" for what is not given."""
    given = dict(_ATTRIBUTE.findall(attributes))
    return given.get("s", ""), given.get("t", "")


class _Columns(dict[str, int]):
    """Letters of a column -> its index: 0 for A, 25 for Z, 26 for AA; filled as it is asked."""

    def __missing__(self, letters: str) -> int:
        if not _COLUMN.fullmatch(letters):
            raise BadWorkbook(f"A cell is in column {letters[:10]!r}. {DAMAGED}")
        index = 0
        for letter in letters:
            index = index * 26 + ord(letter) - 64
        self[letters] = index - 1
        return index - 1


COLUMNS = _Columns()
