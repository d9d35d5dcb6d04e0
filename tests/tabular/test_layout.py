from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massadmin.tabular import rows, sniff


def table(text: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """Columns and cells of `text`, everything guessed."""
    file = io.BytesIO(text.encode())
    dialect = sniff(file)
    found = list(rows(file, dialect))
    assert not any(row.problems for row in found)
    return dialect.columns, [row.cells for row in found]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("a\tb,c\n1\t2,3\n", "\t"),
        ("a|b|c\nx, y|1|2\n", "|"),
        ('name;note\n"a, b, c";"d, e, f"\n"g, h, i";"j, k, l"\n', ";"),
        ('name,note\n"a;b;c",x\n"d;e;f",y\n', ","),
        ("only\none\ncolumn\n", ","),
        ("id,tags\n1,a|b|c\n2,d|e|f\n", ","),
        ('"a;b","c"\n"1;2","3"\n', ","),
        ("sep=;\na;b,c\n1;2,3\n", ";"),
        ("sep=|\na|b\n", "|"),
    ],
)
def test_delimiter(text: str, delimiter: str) -> None:
    assert sniff(io.BytesIO(text.encode())).delimiter == delimiter


def test_excels_line_that_names_the_delimiter_is_no_row() -> None:
    assert table("sep=;\nname;city\nAnn;Oslo\n") == (("name", "city"), [["Ann", "Oslo"]])


def test_backslashes_before_quotation_marks() -> None:
    text = 'name,note\n"Ann","says \\"a, b\\""\n"Bo","\\"c, d\\", too"\n'
    assert table(text)[1] == [["Ann", 'says "a, b"'], ["Bo", '"c, d", too']]


def test_backslashes_of_paths_are_kept() -> None:
    assert table('name,folder\n"Ann","C:\\temp\\"\n"Bo","D:\\"\n')[1] == [
        ["Ann", "C:\\temp\\"],
        ["Bo", "D:\\"],
    ]


def test_blanks_before_quotation_marks() -> None:
    text = 'name, note\n"Ann", "a, b"\n"Bo", "c"\n'
    assert table(text) == (("name", "note"), [["Ann", "a, b"], ["Bo", "c"]])


def test_quotation_marks_that_mean_inches() -> None:
    text = 'size\tname\n"5 disk\tAnn\n"3 disk\tBo\n12" record\tCy\n'
    assert table(text)[1] == [['"5 disk', "Ann"], ['"3 disk', "Bo"], ['12" record', "Cy"]]


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("name,email\nAnn,a@b.no\n", True),
        ("Ann,a@b.no\nBo,b@b.no\n", False),
        ("id,name\n1,Ann\n", True),
        ("1,Ann\n2,Bo\n", False),
        ("name,city\nAnn,Oslo\nBo,Bergen\n", True),
        ("Ann,Oslo\nBo,Bergen\nAnn,Oslo\n", False),
        ("joined,2023,2024\n2023-01-01,1,2\n", True),
        ("2023-01-01,x\n2023-01-02,y\n", False),
        ("site\nhttps://example.com\n", True),
        ("https://example.com\nhttps://example.org\n", False),
        ("phone\n+47 123 45 678\n(555) 010-9999\n", True),
        ("name\n", True),
    ],
)
def test_header(text: str, has_header: bool) -> None:
    assert sniff(io.BytesIO(text.encode())).has_header is has_header


def test_titles_and_comments_above_the_header() -> None:
    report = "Contacts,,,,,\nAs of,2024-05-31,,,,\n,,,,,\na,b,c,d,e,f\n1,2,3,4,5,6\n"
    dialect = sniff(io.BytesIO(report.encode()))
    assert (dialect.preamble, dialect.columns) == (3, tuple("abcdef"))
    commented = '# one\n# "two\n\nname,city\nAnn,Oslo\n'
    assert table(commented) == (("name", "city"), [["Ann", "Oslo"]])


def test_sparse_rows_of_a_headerless_file_are_no_preamble() -> None:
    text = "1,,,,,,7\n2,b,c,d,e,f,8\n3,b,c,d,e,f,9\n"
    assert len(table(text)[1]) == 3


def test_blank_and_broken_names_of_columns() -> None:
    columns, _ = table('id,,"two\nlines",  spaced  out ,id\n1,2,3,4,5\n')
    assert columns == ("id", "Column 2", "two lines", "spaced out", "id")


WORDS = st.text(st.sampled_from("abcdefgåØñ '-."), min_size=1, max_size=12).filter(str.strip)
PEOPLE = st.tuples(
    st.integers(1, 10**6).map(str),
    WORDS,
    WORDS.map(lambda word: f"{word}, {word}"),
    WORDS.map(lambda word: f'the "{word}"'),
    st.sampled_from(["", "a@example.com", "b;c@example.com"]),
)


@given(
    people=st.lists(PEOPLE, min_size=1, max_size=20),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    ending=st.sampled_from(["\r\n", "\n"]),
)
@settings(max_examples=150, deadline=None)
def test_files_of_people_are_read_with_nothing_told(
    people: list[tuple[str, ...]], delimiter: str, encoding: str, ending: str
) -> None:
    header = ("Id", "First name", "Last name", "Nickname", "E-mail")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=ending)
    writer.writerows([header, *people])
    file = io.BytesIO(buffer.getvalue().encode(encoding))
    dialect = sniff(file)
    assert (dialect.columns, dialect.delimiter) == (header, delimiter)
    assert [tuple(row.cells) for row in rows(file, dialect)] == people
