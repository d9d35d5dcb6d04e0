from __future__ import annotations

import codecs
import contextlib
import csv
import io
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massadmin.tabular import (
    BadDialect,
    BadEncoding,
    BadFile,
    Dialect,
    EmptyFile,
    Limits,
    Row,
    rows,
    sniff,
)

PLAIN = Dialect(kind="csv", columns=("a", "b", "c"))
# Larger than the blocks in which files are read, so that records lie across their borders.
BLOCK = 64 * 1024


def read(data: bytes, dialect: Dialect | None = None, limits: Limits | None = None) -> list[Row]:
    file = io.BytesIO(data)
    return list(rows(file, dialect or sniff(file), limits or Limits()))


CELLS = st.text(
    st.one_of(
        st.sampled_from(list(",;\t|\"'\\ \n\r#=åß中\u2028\x85\x0b😀")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
    ),
    max_size=12,
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(1, 6))
    # A record of blank cells is a blank row, and left out.
    record = st.lists(CELLS, min_size=width, max_size=width).filter(
        lambda cells: any(cell.strip() for cell in cells)
    )
    return draw(st.lists(record, min_size=1, max_size=12))


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ending=st.sampled_from(["\r\n", "\n", "\r"]),
    padding=st.sampled_from([0, BLOCK - 20, BLOCK * 2 - 7]),
)
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read(
    table: list[list[str]],
    delimiter: str,
    encoding: str,
    quoting: Literal[0, 1, 2, 3],
    ending: str,
    padding: int,
) -> None:
    buffer = io.StringIO(newline="")
    # The writer puts only the line ends of its own dialect between quotation marks.
    quoting = quoting if ending == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=ending)
    filler = [["x" * padding, *[""] * (len(table[0]) - 1)]] if padding else []
    writer.writerows([*filler, *table])
    text = buffer.getvalue()
    dialect = Dialect(
        kind="csv",
        columns=tuple("abcdef"[: len(table[0])]),
        has_header=False,
        encoding=encoding,
        delimiter=delimiter,
    )
    limits = Limits(cell_chars=BLOCK * 3)
    found = list(rows(io.BytesIO(text.encode(encoding)), dialect, limits))
    assert [row.cells for row in found] == filler + table
    assert not any(row.problems for row in found)
    # Every record begins in a line of its own, and the lines between belong to the one before.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for row in found:
        assert lines[row.line - 1].lstrip("\ufeff")[:1] in ('"', row.cells[0][:1] or delimiter)


@given(
    table=tables().filter(lambda table: len(table) > 1 and len(table[0]) > 1),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(max_examples=200, deadline=None)
def test_columns_never_shift_when_the_dialect_is_guessed(
    table: list[list[str]], delimiter: str, encoding: str
) -> None:
    header = [f"Column of {number}" for number in range(len(table[0]))]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([header, *table])
    file = io.BytesIO(buffer.getvalue().encode(encoding))
    dialect = sniff(file, delimiter=delimiter, has_header=True, preamble=0, quotechar='"')
    assert dialect.columns == tuple(header)
    assert [row.cells for row in rows(file, dialect)] == table


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    file = io.BytesIO(data)
    found = []
    with contextlib.suppress(BadFile):
        found = list(rows(file, sniff(file)))
    for row in found:
        for cell in row.cells:
            cell.encode("utf-8")
            assert "\0" not in cell


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "utf-16", "cp932", "gb18030", "cp1252"]))
@settings(max_examples=200, deadline=None)
def test_bytes_that_are_no_text_are_reported(data: bytes, encoding: str) -> None:
    dialect = Dialect(kind="csv", columns=("a",), has_header=False, encoding=encoding)
    if encoding == "utf-16":
        data = codecs.BOM_UTF16_BE + data
    try:
        data.decode(encoding)
        valid = True
    except UnicodeDecodeError:
        valid = False
    found = list(rows(io.BytesIO(data), dialect))
    reported = any(each.kind == "undecodable" for row in found for each in row.problems)
    assert not (valid and reported)
    if not valid:
        assert reported or not found


def test_undecodable_bytes_are_reported_in_their_line() -> None:
    data = b"a,b,c\r\n1,\xc3\xa5,3\r\n2,\xff\xfe,4\r\n3,ok,5\r\n"
    one, two, three = read(data, PLAIN)
    assert (one.cells, one.problems) == (["1", "å", "3"], ())
    assert (two.line, two.cells) == (3, ["2", "\ufffd\ufffd", "4"])
    assert two.reason == "b: holds bytes that are not utf-8 text"
    assert (three.line, three.problems) == (4, ())


def test_a_replacement_character_of_the_file_itself_is_no_problem() -> None:
    data = "a,b,c\n1,\ufffd,3\n".encode() + b"2,\xff,4\n"
    one, two = read(data, PLAIN)
    assert one.problems == ()
    assert [each.kind for each in two.problems] == ["undecodable"]


def test_nul_is_removed_and_reported() -> None:
    one, two = read(b"a,b,c\n1,x\0y,3\n4,5,6\n")
    assert (one.line, one.cells) == (2, ["1", "xy", "3"])
    assert one.reason == "b: holds NUL characters, which no field can keep"
    assert two.problems == ()


def test_bad_bytes_far_into_a_file_are_found() -> None:
    many = b"".join(b"%d,b,c\n" % number for number in range(40_000))
    found = read(b"a,b,c\n" + many + b"x,\xff,z\n" + many, PLAIN)
    assert [row.line for row in found if row.problems] == [40_002]
    assert len(found) == 80_001
    assert found[-1] == Row(80_002, ["39999", "b", "c"])


def test_ragged_rows_are_filled_up_or_kept_whole() -> None:
    found = read(b"a,b,c\n1,2\n1,2,3,4\n1,2,3,, \n1,2,3\n", PLAIN)
    assert [row.cells for row in found] == [
        ["1", "2", ""],
        ["1", "2", "3", "4"],
        ["1", "2", "3", "", " "],
        ["1", "2", "3"],
    ]
    kinds = [tuple(problem.kind for problem in row.problems) for row in found]
    assert kinds == [("too_few",), ("too_many",), ("blank_extra",), ()]
    assert found[2].reason == ""


def test_blank_rows_are_skipped_and_lines_still_counted() -> None:
    found = read(b"\n\na,b,c\n\n , ,\n1,2,3\n,,\n\r\n4,5,6")
    assert [(row.line, row.cells) for row in found] == [(6, ["1", "2", "3"]), (9, ["4", "5", "6"])]


def test_line_is_where_the_record_begins() -> None:
    found = read(b'a,b,c\n1,"two\nlines\n",3\n4,5,6\n')
    assert [(row.line, row.cells[1]) for row in found] == [(2, "two\nlines\n"), (5, "5")]


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_each_kind_of_line_end(ending: str) -> None:
    found = read(ending.join(("a,b", "1,2", "3,4")).encode())
    assert [(row.line, row.cells) for row in found] == [(2, ["1", "2"]), (3, ["3", "4"])]


def test_line_ends_across_blocks() -> None:
    line = b"1,2,3\r\n"
    for shift in range(len(line)):
        data = b"a,b,c" + b"x" * shift + b"\r\n" + line * (BLOCK // len(line) + 50)
        found = read(data, PLAIN)
        assert len(found) == BLOCK // len(line) + 50
        assert [row.line for row in found] == list(range(2, len(found) + 2))


def test_a_quotation_mark_that_is_never_closed() -> None:
    found = read(b'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n', PLAIN)
    assert found[0] == Row(2, ["1", "2", "3"])
    assert (found[1].line, len(found)) == (3, 2)
    assert found[1].problems[0].kind == "unclosed"
    assert found[1].cells[:2] == ["4", "5,6\n7,8,9\n"]


@pytest.mark.parametrize("data", [b"", b"\n\n\r\n", b"\xef\xbb\xbf", b" , ,\n,,\n", b"\xff\xfe"])
def test_nothing_but_blanks_is_refused(data: bytes) -> None:
    with pytest.raises(EmptyFile):
        sniff(io.BytesIO(data))


def test_a_header_alone_has_no_rows() -> None:
    assert read(b"id,name") == []
    assert sniff(io.BytesIO(b"id,name")).columns == ("id", "name")


def test_choices_of_the_caller_are_kept() -> None:
    data = "Name;Ort\nJürgen;Köln, Süd\n".encode("cp1252")
    file = io.BytesIO(data)
    dialect = sniff(file)
    assert (dialect.encoding, dialect.delimiter) == ("cp1252", ";")
    told = sniff(file, encoding="cp1250", delimiter=",", has_header=False, preamble=1)
    assert (told.encoding, told.delimiter, told.has_header) == ("cp1250", ",", False)
    assert [row.cells for row in rows(file, told)] == [["Jürgen;Köln", " Süd"]]
    unquoted = sniff(io.BytesIO(b'a,b\n"1,2"\n'), quotechar=None)
    assert [row.cells for row in rows(io.BytesIO(b'a,b\n"1,2"\n'), unquoted)] == [['"1', '2"']]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"encoding": "klingon"}, "'klingon' is no text encoding"),
        ({"encoding": "base64"}, "is no text encoding"),
        ({"delimiter": ",,"}, "The delimiter is ',,'"),
        ({"delimiter": "\n"}, "must be one character"),
        ({"quotechar": ""}, "The quotechar is ''"),
        ({"delimiter": '"'}, "cannot be the delimiter and the quotation mark"),
    ],
)
def test_choices_that_cannot_be_followed(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(BadDialect, match=said):
        sniff(io.BytesIO(b"a,b\n1,2\n"), **wrong)  # type: ignore[arg-type]  # one keyword or another


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf16_without_its_mark_needs_an_order_of_bytes(encoding: str) -> None:
    file = io.BytesIO("a,b\n1,ü\n".encode(f"{encoding}-be"))
    with pytest.raises(BadEncoding, match=f"Choose {encoding}-le or {encoding}-be"):
        sniff(file, encoding=encoding)
    found = sniff(file)
    assert found.encoding == f"{encoding}-be"
    assert [row.cells for row in rows(file, found)] == [["1", "ü"]]


def test_a_dialect_survives_json() -> None:
    dialect = sniff(io.BytesIO(b"a;b\n1;2\n"))
    assert Dialect.from_json(dialect.to_json() | {"of_a_later_version": 1}) == dialect


def test_paths_and_open_files_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n")
    assert list(rows(path, sniff(path))) == list(rows(str(path), sniff(str(path))))
    with path.open("rb") as file:
        assert list(rows(file, sniff(file))) == [Row(2, ["1", "2"])]
        assert not file.closed
