from __future__ import annotations

import io

from massadmin.tabular import error_lines, errors_file, rows, sniff

HEADER = ["Email", "=Name"]
FAILURES = [
    (["a@example.com", "=1+1"], 3, "no such thing"),
    (["Jürgen, Köln"], 7, "+ is missing"),
    (["x", "two\nlines", "extra", "-more"], 9, "4 cells where there are 2 columns"),
]


def test_the_rows_with_line_and_reason() -> None:
    target = io.BytesIO()
    assert errors_file(target, HEADER, iter(FAILURES)) == 3
    data = target.getvalue()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.decode("utf-8-sig").splitlines()[:2] == [
        "Email,'=Name,line,reason",
        "a@example.com,'=1+1,3,no such thing",
    ]
    dialect = sniff(target)
    found = [row.cells for row in rows(target, dialect)]
    assert found[1] == ["Jürgen, Köln", "", "7", "'+ is missing"]
    # Cells beyond the header come last: the reason stays where it belongs, and nothing is lost.
    assert found[2][:4] == ["x", "two\nlines", "9", FAILURES[2][2]]
    assert found[2][4:] == ["extra", "'-more"]


def test_without_the_mark_and_in_pieces() -> None:
    many = ((["a", "b"], line, "why") for line in range(2_000))
    pieces = list(error_lines(HEADER, many, bom=False))
    assert len(pieces) > 2
    lines = b"".join(pieces).decode().splitlines()
    assert lines[0] == "Email,'=Name,line,reason"
    assert lines[-1] == "a,b,1999,why"
    assert len(lines) == 2_001


def test_no_failures_leave_a_header() -> None:
    assert b"".join(error_lines(["a"], [], bom=False)) == b"a,line,reason\r\n"
