from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from massadmin.tabular import (
    CellTooLong,
    Dialect,
    Limits,
    Row,
    TooManyBytes,
    TooManyColumns,
    TooManyRows,
    rows,
    sniff,
)

PLAIN = Dialect(kind="csv", columns=("a", "b", "c"))


def read(data: bytes, dialect: Dialect, limits: Limits | None = None) -> list[Row]:
    return list(rows(io.BytesIO(data), dialect, limits or Limits()))


@pytest.mark.parametrize("quoted", [True, False])
def test_a_huge_cell_is_refused_by_line(quoted: bool) -> None:
    huge = b"x" * 50_000_000
    data = b"a,b,c\n1,2,3\n4," + (b'"%s"' % huge if quoted else huge) + b",6\n"
    with pytest.raises(CellTooLong, match="line 3 has"):
        read(data, PLAIN)
    sniff(io.BytesIO(data))


def test_a_stray_quotation_mark_does_not_swallow_a_large_file() -> None:
    data = b'a,b,c\n1,"2,3\n' + b"4,5,6\n" * 100_000
    with pytest.raises(CellTooLong, match=r"line 2 has .* never closed"):
        read(data, PLAIN)


def test_many_long_cells_in_one_record_are_refused() -> None:
    record = ",".join(['"' + "x\n" * 40_000 + '"'] * 200).encode()
    with pytest.raises(CellTooLong, match="line 2 has more than 10,000,000"):
        read(b"a,b,c\n" + record, PLAIN)


@pytest.mark.parametrize("length", [9, 10, 11])
def test_the_limit_of_a_cell_is_exact(length: int) -> None:
    data = b"a,b,c\n1,%s,3\n" % (b"x" * length)
    if length <= 10:
        assert read(data, PLAIN, Limits(cell_chars=10))[0].cells[1] == "x" * length
    else:
        with pytest.raises(CellTooLong, match="more than 10 characters"):
            read(data, PLAIN, Limits(cell_chars=10))


def test_cells_longer_than_the_csv_modules_own_limit_can_be_allowed() -> None:
    before = csv.field_size_limit()
    data = b"a,b,c\n1,%s,3\n" % (b"x" * 300_000)
    try:
        (row,) = read(data, PLAIN, Limits(cell_chars=300_000))
        assert len(row.cells[1]) == 300_000
        assert csv.field_size_limit() == 300_000
        read(data[:20], PLAIN)
        assert csv.field_size_limit() == 300_000
    finally:
        csv.field_size_limit(before)


def test_limits_name_what_was_found() -> None:
    data = b"a,b,c\n1,2,3\n4,5,6\n"
    with pytest.raises(TooManyBytes, match="18 bytes, more than the 10"):
        sniff(io.BytesIO(data), Limits(bytes=10))
    with pytest.raises(TooManyRows, match="more than the 1 rows"):
        read(data, PLAIN, Limits(rows=1))
    assert len(read(data, PLAIN, Limits(rows=2))) == 2
    with pytest.raises(TooManyColumns, match="Line 1 has 3 columns"):
        sniff(io.BytesIO(data), Limits(columns=2))
    with pytest.raises(TooManyColumns, match="Line 3 has 4 columns"):
        read(b"a,b,c\n1,2,3\n1,2,3,4\n", PLAIN, Limits(columns=3))


@pytest.mark.parametrize("blank", [b"\n", b" , ,\n", b"\r\n"])
def test_blank_rows_without_end_are_refused(blank: bytes) -> None:
    limits = Limits(blank_rows=3)
    apart = b"a,b,c\n" + blank * 3 + b"1,2,3\n" + blank * 3 + b"4,5,6\n"
    assert [row.cells[0] for row in read(apart, PLAIN, limits)] == ["1", "4"]
    with pytest.raises(TooManyRows, match="more than 3 blank rows before line 7"):
        read(b"a,b,c\n1,2,3\n" + blank * 4 + b"4,5,6\n", PLAIN, limits)


def test_a_long_preamble_is_no_record() -> None:
    data = b"note\n" * 3_000_000 + b"a,b,c\n1,2,3\n"
    dialect = Dialect(kind="csv", columns=("a", "b", "c"), preamble=3_000_000)
    assert read(data, dialect) == [Row(3_000_002, ["1", "2", "3"])]


MEASURE = """
import resource, sys
from massadmin.tabular import rows, sniff
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
list(rows(sys.argv[1], sniff(sys.argv[1])))
before = peak()
dialect = sniff(sys.argv[2])
print(sum(1 for row in rows(sys.argv[2], dialect)), peak() - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    lines = [f"{n},Jürgen {n},person{n}@example.com,Oslo" + "x" * 150 for n in range(1_000)]
    block = ("\n".join(lines) + "\n").encode()
    small.write_bytes(b"id,name,email,city\n" + block)
    with large.open("wb") as file:
        file.write(b"id,name,email,city\n")
        for _ in range(500):
            file.write(block)
    assert large.stat().st_size > 90_000_000
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large)],
        check=True,
        capture_output=True,
        text=True,
    )
    count, growth = map(int, done.stdout.split())
    kilobytes = growth // 1024 if sys.platform == "darwin" else growth
    assert count == 500_000
    assert kilobytes < 20_000
