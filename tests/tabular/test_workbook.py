from __future__ import annotations

import datetime as dt
import io
import math
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from massadmin.tabular import (
    BadWorkbook,
    EmptyFile,
    Row,
    rows,
    sniff,
)
from massadmin.tabular.workbook import _text
from tests.tabular.packages import NAMESPACE, cells, package

DAY = dt.datetime.fromisoformat("2024-02-29")
MOMENT = dt.datetime.fromisoformat("2024-02-29T14:05:09")


def test_values_as_text(tmp_path: Path) -> None:
    path = tmp_path / "values.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Values")
    written: list[tuple[Any, str | None, str]] = [
        (12, None, "12"),
        (12.0, None, "12"),
        (-12.5, None, "-12.5"),
        (0.1 + 0.2, None, "0.3"),
        (1e21, None, "1000000000000000000000"),
        (1.5e-7, None, "0.00000015"),
        (4712345678, "0", "4712345678"),
        (42, "0000", "42"),
        ("007", None, "007"),
        ("a < b & c > d", None, "a < b & c > d"),
        ("  kept  ", None, "  kept  "),
        ("two\nlines", None, "two\nlines"),
        ("carriage\rreturn", None, "carriage\rreturn"),
        ("😀 中国人", None, "😀 中国人"),
        ("_x0041_", None, "_x0041_"),
        (True, None, "TRUE"),
        (False, None, "FALSE"),
        (DAY, "yyyy-mm-dd", "2024-02-29"),
        (DAY, "d.m.yy", "2024-02-29"),
        (DAY, "[$-409]d-mmm-yy;@", "2024-02-29"),
        (MOMENT, "yyyy-mm-dd hh:mm:ss", "2024-02-29T14:05:09"),
        (DAY, "yyyy-mm-dd hh:mm", "2024-02-29"),
        (MOMENT.replace(microsecond=250_000), "h:mm:ss.000", "2024-02-29T14:05:09.250"),
        (dt.time(14, 5, 9), "h:mm AM/PM", "14:05:09"),
        (dt.timedelta(hours=30, minutes=5), "[h]:mm", "30:05:00"),
        (dt.datetime.fromisoformat("1900-01-02"), "yyyy-mm-dd", "1900-01-02"),
        (dt.datetime.fromisoformat("9999-12-31"), "yyyy-mm-dd", "9999-12-31"),
        (1e12, "yyyy-mm-dd", "#VALUE!"),
        (1234.5, '#,##0.00 "days"', "1234.5"),
        (1234.5, "[Red]0.00", "1234.5"),
        (0.25, "0%", "0.25"),
        (12345, "0.00E+00", "12345"),
        (7, "General", "7"),
    ]
    for row, (value, shown, _) in enumerate(written):
        style = book.add_format({"num_format": shown}) if shown else None
        sheet.write_string(row, 0, f"value {row}")
        if isinstance(value, str):
            sheet.write_string(row, 1, value)
        elif isinstance(value, bool):
            sheet.write_boolean(row, 1, value)
        else:
            sheet.write(row, 1, value, style)
    sheet.write_formula(len(written), 0, "=1+1", None, 2)
    sheet.write_formula(len(written), 1, '="a"&"b"', None, "a&b")
    sheet.write_rich_string(len(written) + 1, 0, "rich ", book.add_format({"bold": True}), "te&xt")
    book.close()
    found = list(rows(path, sniff(path, has_header=False)))
    assert [row.cells[1] for row in found[: len(written)]] == [text for *_, text in written]
    assert found[-2].cells == ["2", "a&b"]
    assert found[-1].cells == ["rich te&xt", ""]


def test_dates_since_1904(tmp_path: Path) -> None:
    path = tmp_path / "mac.xlsx"
    book = xlsxwriter.Workbook(path, {"date_1904": True})
    sheet = book.add_worksheet()
    sheet.write_datetime(0, 0, DAY, book.add_format({"num_format": 14}))
    book.close()
    assert next(rows(path, sniff(path, has_header=False))).cells == ["2024-02-29"]


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
    | st.sampled_from("\n\t&<>\"'_x0041_"),
    max_size=10,
)
VALUES = (
    st.none()
    | TEXTS
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
    | st.datetimes(min_value=dt.datetime.fromisoformat("1901-01-01")).map(
        lambda moment: moment.replace(microsecond=0)
    )
)


def by_calamine(data: bytes) -> list[list[str]]:
    """What another reader finds, as text, from A1 on."""
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    return [list(map(as_text, row)) for row in sheet.to_python(skip_empty_area=False)]


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        text = format(value, ".15g")
        return str(int(float(text))) if "e" in text and value.is_integer() else text
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=1, max_size=8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_another_reader_finds_the_same(table: list[list[Any]], in_place: bool) -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "constant_memory": in_place})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for number, row in enumerate(table):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, column, value)
            elif isinstance(value, dt.datetime):
                sheet.write_datetime(number, column, value, day)
            elif value is not None:
                sheet.write(number, column, value)
    book.close()
    expected = [row for row in by_calamine(buffer.getvalue()) if any(map(str.strip, row))]
    if not expected:
        with pytest.raises(EmptyFile):
            sniff(buffer)
        return
    width = max(max(at for at, cell in enumerate(row) if cell) for row in expected) + 1
    found = [row.cells for row in rows(buffer, sniff(buffer, has_header=False, preamble=0))]
    assert [[same(cell) for cell in row] for row in found] == [
        [same(cell) for cell in row[:width]] for row in expected
    ]


def same(text: str) -> str | float:
    """Numbers compare as numbers, and days with days: the two write them differently."""
    try:
        number = float(text)
    except ValueError:
        return text.removesuffix("T00:00:00")
    # A text that reads “nan” is no number; as one it would not even equal itself.
    return text if math.isnan(number) else number


def test_a_workbook_of_openpyxl(tmp_path: Path) -> None:
    path = tmp_path / "other.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["name", "day", "ok"])
    sheet.append(["Zoë", dt.date(2024, 2, 29), True])
    sheet.append([None, None, None])
    sheet.append(["=1+1", None, None])
    book.save(path)
    dialect = sniff(path)
    assert dialect.columns == ("name", "day", "ok")
    assert list(rows(path, dialect)) == [Row(2, ["Zoë", "2024-02-29", "TRUE"])]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c></row>', ["1"]),
        ('<row><c><v>1</v></c><c t="b"><v>1</v></c></row>', ["1", "TRUE"]),
        ("<row r='1'><c t='str' r='B1'><v>x</v></c></row>", ["", "x"]),
        ('<row r="1"><c r="C1" t="inlineStr"><is><t>x</t></is></c></row>', ["", "", "x"]),
        (
            '<row r="1"><c r="A1" t="inlineStr"><is><r><t>a </t></r><r><t>b</t></r>'
            '<rPh sb="0" eb="1"><t>spoken</t></rPh></is></c></row>',
            ["a b"],
        ),
        ('<row r="1"><!-- <c r="A1"><v>2</v></c> --><c r="A1"><v>1</v></c></row>', ["1"]),
        ('<row r="1"><c r="A1" t="str"><v><![CDATA[<c>]]></v></c></row>', ["<c>"]),
        ('<row r="1"><c r="A1" t="str"><f>B1&amp;"&lt;"</f><v>x&#10;y</v></c></row>', ["x\ny"]),
        ('<row r="1"><c r="A1"><f t="shared" si="0"/><v>5</v></c></row>', ["5"]),
        ('<row r="1"><c r="A1" s="1"/><c r="B1"><v>5</v></c></row>', ["", "5"]),
        ('<row r="1"><c r="A1" t="e"><v>#N/A</v></c></row>', ["#N/A"]),
        ('<row r="1"><c r="A1" t="d"><v>2024-02-29</v></c></row>', ["2024-02-29"]),
        ('<row r="1"><c r="A1" t="str"><v>a_x0000_b_x000d_</v></c></row>', ["ab\r"]),
        ('<row r="1"><c r="A1" t="str"><v>_x005F_x000D_</v></c></row>', ["_x000D_"]),
        ('<row r="1"><c r="A1" t="str"><v>row&gt;</v></c></row>', ["row>"]),
    ],
)
def test_the_ways_to_write_a_cell(row: str, expected: list[str]) -> None:
    assert cells(package(row)) == [expected]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("<t>plain</t>", "plain"),
        ('<t xml:space="preserve"> kept </t>', " kept "),
        ("<t>a &lt; b &#10;c</t>", "a < b \nc"),
        ("<t/>", ""),
        ("", ""),
        ("<r><rPr><b/></rPr><t>rich </t></r><r><t>text</t></r>", "rich text"),
        ("<r><t>run</t></r>", "run"),
        ('<t>漢字</t><rPh sb="0" eb="2"><t>かんじ</t></rPh><phoneticPr fontId="1"/>', "漢字"),
        ("<t>line_x000D_</t>", "line\r"),
        ("<t>_x005F_x000D_</t>", "_x000D_"),
        ("<t>part x005F_12</t>", "part x005F_12"),
        ("<t><![CDATA[<t>]]></t>", "<t>"),
    ],
)
def test_the_ways_to_write_a_shared_text(item: str, text: str) -> None:
    row = '<row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1" t="s"><v>2</v></c></row>'
    file = package(row, f"<si><t>other</t></si><si>{item}</si><si><t>next</t></si>")
    assert cells(file) == [[text, "next"]]


def test_real_workbooks_read_as_by_the_library_alone(shared_data: Path) -> None:
    paths = sorted(shared_data.rglob("*.xlsx"))
    assert len(paths) >= 5
    for path in paths:
        book = openpyxl.load_workbook(path, data_only=True)
        for sheet in book.worksheets:
            expected = [
                [("" if value is None else _text(value)) for value in row]
                for row in sheet.iter_rows(values_only=True)
            ]
            expected = [row for row in expected if any(map(str.strip, row))]
            dialect = sniff(path, sheet=sheet.title, has_header=False, preamble=0)
            found = [row.cells for row in rows(path, dialect)]
            width = len(dialect.columns)
            assert found == [row[:width] for row in expected], (path.name, sheet.title)


def test_comments_are_no_rows_and_no_texts() -> None:
    sheet = (
        f'<worksheet xmlns="{NAMESPACE}"><!-- <row><c><v>9</v></c></row> --><sheetData>'
        '<!-- <row r="7"><c r="A7"><v>8</v></c></row> -->'
        '<row r="1"><c r="A1" t="s"><v>0</v></c></row></sheetData></worksheet>'
    )
    strings = "<!-- <si><t>never</t></si> --><si><t>shown</t></si>"
    assert cells(package("", strings, more={"xl/worksheets/sheet1.xml": sheet})) == [["shown"]]
    with pytest.raises(EmptyFile):
        cells(package("<!-- nothing -->"))


def test_names_with_a_prefix() -> None:
    sheet = (
        f'<x:worksheet xmlns:x="{NAMESPACE}"><x:sheetData><x:row r="1"><x:c r="A1" t="s">'
        "<x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    strings = (
        f'<x:sst xmlns:x="{NAMESPACE}"><x:si><x:t>a</x:t></x:si><x:si><x:t>b</x:t></x:si></x:sst>'
    )
    more = {"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": strings}
    assert cells(package("", "<si/>", more=more)) == [["b"]]


def test_dates_of_east_asian_excel() -> None:
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="31"/><xf numFmtId="32"/></cellXfs>'
    row = '<row r="1"><c r="A1" s="1"><v>45351</v></c><c r="B1" s="2"><v>0.5</v></c></row>'
    assert cells(package(row, styles=styles)) == [["2024-02-29", "12:00:00"]]


def test_what_the_sheet_says_of_its_size_is_not_believed() -> None:
    sheet = (
        f'<worksheet xmlns="{NAMESPACE}"><dimension ref="A1"/><sheetData><row r="1"><c r="A1">'
        '<v>1</v></c><c r="B1"><v>2</v></c></row><row r="2"><c r="A2"><v>3</v></c></row>'
        "</sheetData></worksheet>"
    )
    file = package("", more={"xl/worksheets/sheet1.xml": sheet})
    assert cells(file) == [["1", "2"], ["3", ""]]


def test_a_table_far_down() -> None:
    file = package('<row r="900000"><c r="C900000"><v>1</v></c></row>')
    assert list(rows(file, sniff(file, has_header=False))) == [Row(900_000, ["", "", "1"])]


def test_sheets_preamble_and_header(tmp_path: Path) -> None:
    path = tmp_path / "sheets.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Empty")
    hidden = book.add_worksheet("Hidden")
    hidden.hide()
    hidden.write_row(0, 0, ["secret", "x"])
    shown = book.add_worksheet("Shown & told")
    shown.write(0, 0, "Contacts as of today")
    for row, values in enumerate([["Name", "Email"], ["Ann", "a@b.no"], [], ["Bo", ""]], 2):
        shown.write_row(row, 1, values)
    shown.write(5, 3, "a note")
    book.close()
    dialect = sniff(path)
    assert (dialect.sheet, dialect.sheets) == ("Shown & told", ("Empty", "Shown & told"))
    assert (dialect.preamble, dialect.has_header) == (2, True)
    assert dialect.columns == ("Column 1", "Name", "Email", "Column 4")
    assert [(row.line, row.cells) for row in rows(path, dialect)] == [
        (4, ["", "Ann", "a@b.no", ""]),
        (6, ["", "Bo", "", "a note"]),
    ]
    assert sniff(path, sheet="Hidden").columns == ("secret", "x")
    with pytest.raises(BadWorkbook, match=r"no sheet “None such”\. There are: Empty, Shown & told"):
        sniff(path, sheet="None such")
    with pytest.raises(EmptyFile, match="nothing in the sheet “Empty”"):
        sniff(path, sheet="Empty")


def test_text_beyond_the_columns_seen_first_is_reported() -> None:
    first = '<row r="1"><c r="A1" t="str"><v>name</v></c></row>' + "".join(
        f'<row r="{number}"><c r="A{number}" t="str"><v>n</v></c></row>' for number in range(2, 300)
    )
    file = package(first + '<row r="300"><c r="C300" t="str"><v>x</v></c></row>')
    *_, last = rows(file, sniff(file))
    assert last.reason == "3 cells where there are 1 columns"
