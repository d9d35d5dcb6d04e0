from __future__ import annotations

import contextlib
import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massadmin.tabular import (
    BadFile,
    BadWorkbook,
    CellTooLong,
    Limits,
    TooManyBytes,
    TooManyColumns,
    TooManyRows,
    rows,
    sniff,
)
from massadmin.tabular.archive import Archive
from tests.tabular.packages import NAMESPACE, SHEET, cells, package


def test_two_cells_in_opposite_corners_take_no_memory() -> None:
    file = package(
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    )
    with pytest.raises(TooManyColumns, match=r"Row 1,048,576 has something in column 16,384"):
        cells(file)
    (first, last) = rows(file, sniff(file, Limits(columns=20_000)), Limits(columns=20_000))
    assert (first.line, last.line, len(last.cells)) == (1, 1_048_576, 16_384)


def test_limits_of_a_sheet() -> None:
    file = package(
        '<row r="1"><c r="A1" t="str"><v>abcdef</v></c></row>'
        '<row r="2"><c r="A2"><v>1</v></c></row>'
    )
    with pytest.raises(TooManyRows):
        cells(file, Limits(rows=1))
    with pytest.raises(CellTooLong, match="begins “abcdef” has 6 characters"):
        cells(file, Limits(cell_chars=5))
    shared = package('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', "<si><t>abcdef</t></si>")
    with pytest.raises(CellTooLong, match="6 characters"):
        cells(shared, Limits(cell_chars=5))
    row = "".join(f'<c r="{column}1" t="str"><v>{"x" * 30}</v></c>' for column in "ABCD")
    with pytest.raises(CellTooLong, match="Row 1 has more than 119 characters"):
        cells(package(f'<row r="1">{row}</row>'), Limits(record_chars=119))


def test_archives_made_to_do_harm() -> None:
    bomb = package("<row/>" * 5_000_000)
    assert len(bomb.getvalue()) < 200_000
    with pytest.raises(TooManyBytes, match="more than 200 to 1"):
        sniff(bomb)
    noise = package("", more={f"xl/media/{n}.png": os.urandom(900).hex() for n in range(20)})
    with pytest.raises(TooManyBytes, match=r"unpacks to .* bytes, more than the 30,000"):
        sniff(noise, Limits(unpacked_bytes=30_000))
    with pytest.raises(TooManyBytes, match="members, more than the 10"):
        sniff(noise, Limits(members=10))
    crowd = package("", more={f"{n:0100}": "" for n in range(300)})
    with pytest.raises(TooManyBytes, match="a directory of"):
        sniff(crowd, Limits(members=10))


def test_a_declared_size_that_lies_is_not_believed() -> None:
    file = package("<row r='1'><c><v>1</v></c></row>" + "<row/>" * 1_000_000)
    data = bytearray(file.getvalue())
    with zipfile.ZipFile(file) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lie = data.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lie != data
    with pytest.raises(BadWorkbook, match="damaged"):
        cells(io.BytesIO(bytes(lie)))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml"])
def test_entities_cannot_multiply(part: str) -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    with pytest.raises(BadWorkbook, match="declares a document type"):
        sniff(package("", more={part: laughs}))


def test_a_document_type_far_down_is_refused_too() -> None:
    laughs = (
        f'<?xml version="1.0"?><!-- {"x" * 300_000} --><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    )
    with pytest.raises(BadWorkbook, match="declares a document type"):
        sniff(package("", more={"xl/workbook.xml": laughs}))


def test_entities_are_refused_in_any_encoding() -> None:
    laughs = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    with pytest.raises(BadWorkbook, match="declares a document type"):
        sniff(package("", more={"xl/worksheets/sheet1.xml": laughs.encode("utf-16")}))


JUNK = "<a/>" * 2_000
ROW = '<row r="{0}"><c r="A{0}"><v>1</v></c></row>'


@pytest.mark.parametrize(
    "sheet",
    [
        JUNK,
        "".join(ROW.format(number) + "<a/>" * 3 for number in range(1, 500)),
        "".join(ROW.format(1) for _ in range(1_100)),
        f'<row r="1"/>{JUNK}<row r="2"></row>',
        "".join(f'<row r="{number}"/>' for number in range(1_100)),
        f"<!-- <row> -->{JUNK}<!-- </row> -->",
        f'<row xmlns="another">{JUNK}</row>',
    ],
)
def test_elements_that_would_stay_in_memory_are_counted(sheet: str) -> None:
    with pytest.raises(TooManyBytes, match="more than 1,000 texts, rows and formats"):
        sniff(package(sheet), Limits(elements=1_000))


def test_texts_and_formats_are_counted() -> None:
    row = ROW.format(1)
    for file in (package(row, "<si><t>x</t></si>" * 600), package(row, styles=JUNK)):
        with pytest.raises(TooManyBytes, match="more than 1,000 texts, rows and formats"):
            sniff(file, Limits(elements=1_000))
    rows_among_texts = package(row, "<si/>" + f"<row>{JUNK}</row>")
    with pytest.raises(TooManyBytes, match="more than 1,000"):
        sniff(rows_among_texts, Limits(elements=1_000))


def test_cells_are_not_counted() -> None:
    wide = "".join(f'<c r="{column}{{0}}"><v>1</v></c>' for column in "ABCDEFGH")
    many = "".join(f'<row r="{{0}}">{wide}</row>'.format(number) for number in range(1, 900))
    limits = Limits(elements=1_000)
    file = package(many)
    found = list(rows(file, sniff(file, limits, has_header=False), limits))
    assert len(found) == 899
    prefixed = SHEET.format(NAMESPACE, many).replace("</", "</x:").replace("<", "<x:")
    prefixed = prefixed.replace("<x:/", "</").replace("xmlns=", "xmlns:x=")
    other = package("", more={"xl/worksheets/sheet1.xml": prefixed})
    assert list(rows(other, sniff(other, limits, has_header=False), limits)) == found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_blocks_may_end_anywhere(size: int) -> None:
    file = package("".join(ROW.format(number) for number in range(1, 100)) + "<a/>" * 10)
    # The worksheet, its data, and what stands outside of rows.
    for elements, enough in ((112, True), (110, False)):
        archive = Archive(file, Limits(elements=elements))
        archive.rows_are_dropped = True
        part = archive.open("xl/worksheets/sheet1.xml")
        with part, contextlib.nullcontext() if enough else pytest.raises(TooManyBytes):
            while part.read(size):
                pass


@pytest.mark.parametrize(
    "sheet",
    [
        f'<row r="1">{"<c><v>1</v></c>" * 10_000}</row>',
        f'<row r="1"><c t="str"><v>{"x" * 100_000}</v></c></row>',
        " " * 100_000,
    ],
)
def test_one_row_or_text_takes_no_more_than_allowed(sheet: str) -> None:
    with pytest.raises(CellTooLong, match="takes more than 50,000 bytes"):
        sniff(package(sheet), Limits(record_chars=50_000))


@pytest.mark.parametrize("endless", ["<row {}/>", "<!--{}-->", "<?x {}?>"])
def test_an_endless_tag_is_refused(endless: str) -> None:
    sniff(package(ROW.format(1) + endless.format("".join(f"x{n}='' " for n in range(10_000)))))
    with pytest.raises(BadWorkbook, match="endless tag"):
        sniff(package(endless.format("".join(f"x{n}='' " for n in range(100_000)))))


@pytest.mark.parametrize("number", [1_048_577, 10**15])
def test_rows_beyond_the_last_are_refused(number: int) -> None:
    with pytest.raises(TooManyRows, match="beyond row 1,048,576"):
        sniff(package(ROW.format(number)))


def test_a_part_without_its_root_is_not_gathered_up() -> None:
    with pytest.raises(BadWorkbook):
        sniff(package("", more={"xl/worksheets/sheet1.xml": os.urandom(4_000_000).hex()}))


@pytest.mark.parametrize(
    "more",
    [
        {"xl/workbook.xml": "<workbook><sheets>"},
        {"xl/worksheets/sheet1.xml": "not XML"},
        {"xl/worksheets/sheet1.xml": "<worksheet><sheetData><row><c r='A1'><v>1</row>"},
        {"xl/worksheets/sheet1.xml": '<?xml version="1.0" encoding="klingon"?><worksheet/>'},
        {"xl/worksheets/sheet1.xml": SHEET.format(NAMESPACE, '<row><c t="s"><v>7</v></c></row>')},
        {"xl/worksheets/sheet1.xml": SHEET.format(NAMESPACE, '<row><c t="s"><v>-1</v></c></row>')},
        {"xl/worksheets/sheet1.xml": SHEET.format(NAMESPACE, '<row><c r="!1"><v>1</v></c></row>')},
    ],
)
def test_damaged_parts(more: dict[str, str]) -> None:
    with pytest.raises(BadWorkbook):
        cells(package("", more=more))


def test_a_workbook_without_sheets() -> None:
    book = f'<workbook xmlns="{NAMESPACE}"><sheets/></workbook>'
    with pytest.raises(BadWorkbook, match="no sheet in the workbook that can be read"):
        sniff(package("", more={"xl/workbook.xml": book}))


@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_no_damage_crashes_the_reader(at: int, with_bytes: bytes) -> None:
    file = package(
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>1.5</v></c></row>',
        "<si><t>a</t></si>",
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>',
    )
    data = bytearray(file.getvalue())
    at %= len(data)
    data[at : at + len(with_bytes)] = with_bytes
    damaged = io.BytesIO(bytes(data))
    with contextlib.suppress(BadFile):
        list(rows(damaged, sniff(damaged)))


def test_a_workbook_locked_by_a_password() -> None:
    data = bytearray(package("<row/>").getvalue())
    # Bit 0 of the flags in every entry of the directory: encrypted.
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 1)
    with pytest.raises(BadWorkbook, match="locked by a password"):
        sniff(io.BytesIO(bytes(data)))
