"""Real files: every count of the manifests, every cell of csv-spectrum, every workbook."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from massadmin.tabular import BadEncoding, BadFile, EmptyFile, NotATable, Row, rows, sniff

# The manifests were made by a reader that knows doubled quotation marks only. These files escape
# them by a backslash; read so, no record of theirs differs in width.
BACKSLASHES = {"mautic-gpl/fakeemaildata.csv"}
REFUSED = {
    "frictionless/empty.csv": EmptyFile,
    "salesforce-dataloader/csvtext_BOM_UTF32BE.csv": BadEncoding,
    "salesforce-dataloader/csvtext_BOM_UTF32LE.csv": BadEncoding,
}
# Windows-1252 is what programs call Latin-1; for every byte of this file they are the same.
SAME_ENCODING = {"frictionless/latin1.csv": "cp1252"}


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def ragged(found: list[Row]) -> int:
    kinds = ("too_few", "too_many", "blank_extra")
    return sum(any(problem.kind in kinds for problem in row.problems) for row in found)


@pytest.mark.parametrize("folder", ["csv-conformance", "crm-imports", "addressbook-exports"])
def test_every_line_of_the_manifest(shared_data: Path, folder: str) -> None:
    wrong = []
    listed = manifest(shared_data / folder)
    for line in listed:
        name = line["file"]
        path = shared_data / folder / name
        if name in REFUSED:
            with pytest.raises(REFUSED[name]):
                sniff(path)
            continue
        differing = line["notes"].partition(" records differ")[0].rpartition("; ")[2]
        expected = (
            SAME_ENCODING.get(name, line["encoding"].rstrip("?").replace("ascii", "utf-8")),
            line["delimiter"].strip("'").replace("\\t", "\t"),
            int(line["nonblank_records_incl_header"]),
            int(line["columns_first_record"]),
            int(differing) if differing.isdigit() and name not in BACKSLASHES else 0,
        )
        # As the manifest counts: the first record is the header, whatever it says.
        dialect = sniff(path, has_header=True, preamble=0)
        found = list(rows(path, dialect))
        got = (
            dialect.encoding,
            dialect.delimiter,
            len(found) + 1,
            len(dialect.columns),
            ragged(found),
        )
        if got != expected:
            wrong.append((name, expected, got))
    assert not wrong
    assert len(listed) > 5


def test_csv_spectrum_cell_by_cell(shared_data: Path) -> None:
    folder = shared_data / "csv-conformance" / "csv-spectrum"
    paths = sorted((folder / "csvs").glob("*.csv"))
    assert len(paths) == 12
    for path in paths:
        dialect = sniff(path)
        expected = json.loads((folder / "json" / f"{path.stem}.json").read_text("utf-8"))
        if isinstance(expected, dict):
            expected = [expected]
        if path.stem == "location_coordinates":
            # Upstream's JSON holds another number than its CSV does.
            expected[0]["Contact Phone Number"] = "2095257564"
        found = list(rows(path, dialect))
        assert [dict(zip(dialect.columns, row.cells, strict=True)) for row in found] == expected
        assert not any(row.problems for row in found)


@pytest.mark.parametrize(
    ("name", "preamble", "has_header", "first"),
    [
        ("csv-conformance/frictionless/skip-rows-before-headers.csv", 1, True, "id"),
        ("csv-conformance/frictionless/matrix-with-comment.csv", 1, True, "f1"),
        ("csv-conformance/frictionless/countries.csv", 1, True, "id"),
        ("csv-conformance/commons-csv/csv-167_sample1.csv", 1, True, "author"),
        ("csv-conformance/frictionless/numeric-labels.csv", 0, True, "id"),
        ("csv-conformance/frictionless/without-headers.csv", 0, False, "Column 1"),
        ("csv-conformance/frictionless/issue-1478_table.csv", 0, False, "Column 1"),
        ("csv-conformance/papaparse/long-sample.csv", 0, False, "Column 1"),
        ("crm-imports/npsp/NPSP_Data_Import_Template.csv", 4, True, "Contact1 Salutation"),
        ("crm-imports/adventureworks/DimReseller.csv", 0, False, "Column 1"),
        ("crm-imports/adventureworks/ProspectiveBuyer.csv", 0, False, "Column 1"),
        ("crm-imports/adventureworks/Vendor.csv", 0, False, "Column 1"),
        ("crm-imports/salesforce-dataloader/20kRows.csv", 0, True, "COLUMN1"),
        ("addressbook-exports/roundcube-gpl/email.csv", 0, True, "Primary Email"),
    ],
)
def test_preamble_and_header(
    shared_data: Path, name: str, preamble: int, has_header: bool, first: str
) -> None:
    dialect = sniff(shared_data / name)
    assert (dialect.preamble, dialect.has_header) == (preamble, has_header)
    assert dialect.columns[0] == first
    assert dialect.columns.count("") == 0


def test_every_other_file_of_people_has_a_header_in_its_first_line(shared_data: Path) -> None:
    headerless = {"DimReseller.csv", "ProspectiveBuyer.csv", "Vendor.csv"}
    for folder in ("crm-imports", "addressbook-exports"):
        for line in manifest(shared_data / folder):
            path = shared_data / folder / line["file"]
            if line["file"] in REFUSED or path.name in headerless or "npsp" in line["file"]:
                continue
            dialect = sniff(path)
            assert (path.name, dialect.has_header, dialect.preamble) == (path.name, True, 0)


def test_accents_of_the_423_accounts(shared_data: Path) -> None:
    path = shared_data / "crm-imports" / "salesforce-dataloader" / "accountData.csv"
    dialect = sniff(path)
    found = list(rows(path, dialect))
    name, street = dialect.columns.index("NAME"), dialect.columns.index("BILLINGSTREET")
    assert len(found) == 423
    assert "Crédito Inmobiliario Terras" in [row.cells[name] for row in found]
    assert any("Nº 77" in row.cells[street] for row in found)


def test_the_two_keila_exports_hold_the_same_contacts(shared_data: Path) -> None:
    folder = shared_data / "crm-imports" / "keila-agpl"
    excel, office = folder / "import_excel.csv", folder / "import_libreoffice.csv"
    first = [row.cells for row in rows(excel, sniff(excel))]
    assert len(first) == 201
    assert first == [row.cells for row in rows(office, sniff(office))]
    assert first[0] == ["foo-1@example.com", "Joël", "Müller-Schultheiß"]


def test_greek_and_leading_zeros(shared_data: Path) -> None:
    folder = shared_data / "csv-conformance" / "frictionless"
    greek = folder / "table-infer-iso-8859-7.csv"
    assert next(rows(greek, sniff(greek))).cells == ["1", "39", "Λεωνιδας"]
    zeros = folder / "leading-zeros.csv"
    assert [row.cells for row in rows(zeros, sniff(zeros))] == [["01"], ["002"], ["00003"]]


def test_ragged_rows_keep_their_line_and_their_columns(shared_data: Path) -> None:
    path = shared_data / "csv-conformance" / "frictionless" / "capital-invalid.csv"
    found = {row.line: row for row in rows(path, sniff(path)) if row.problems}
    assert list(found) == [10, 12]
    assert found[10].cells == ["8", "Warsaw", ""]
    assert found[10].reason == "2 cells where there are 3 columns"
    assert found[12].cells == ["x", "Tokio", "Japan", "review"]
    assert found[12].reason == "4 cells where there are 3 columns"
    thunderbird = shared_data / "addressbook-exports" / "thunderbird" / "basic_csv_addressbook.csv"
    extra = list(rows(thunderbird, sniff(thunderbird)))
    assert [row.problems[0].kind for row in extra] == ["blank_extra", "blank_extra"]
    assert [row.reason for row in extra] == ["", ""]


def test_utf16_thunderbird_equals_its_json(shared_data: Path) -> None:
    path = shared_data / "addressbook-exports" / "thunderbird" / "utf16_addressbook.csv"
    dialect = sniff(path)
    (row,) = rows(path, dialect)
    record = dict(zip(dialect.columns, row.cells, strict=True))
    book = json.loads((path.parent / "addressbook.json").read_text("utf-8"))
    (expected,) = book["utf16_csv"]
    assert record["Display Name"] == expected["DisplayName"]
    assert record["Primary Email"] == expected["PrimaryEmail"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("crm-imports/salesforce-dataloader/csvtext_BOM_UTF32LE.csv", "looks like UTF-32 (little"),
        ("crm-imports/salesforce-dataloader/csvtext_BOM_UTF32BE.csv", "looks like UTF-32 (big"),
        ("csv-conformance/frictionless/empty.csv", "it has no bytes"),
        ("csv-conformance/frictionless/table.csv.zip", "ZIP archive that holds table.csv"),
    ],
)
def test_refusals_say_why(shared_data: Path, name: str, said: str) -> None:
    with pytest.raises(BadFile) as refusal:
        sniff(shared_data / name)
    assert said in str(refusal.value)


def test_vcards_and_json_are_no_tables(shared_data: Path) -> None:
    for name in (
        "addressbook-exports/thunderbird/basic_vcard_addressbook.vcf",
        "addressbook-exports/thunderbird/addressbook.json",
        "crm-imports/chinook/Customer.json",
        "crm-imports/easy-spaces/Leads.json",
    ):
        with pytest.raises(NotATable):
            sniff(shared_data / name)


def test_names_of_a_hundred_countries(shared_data: Path) -> None:
    folder = shared_data / "names" / "popular-names"
    for name, count in (("forenames", 2480), ("surnames", 2576)):
        path = folder / f"common-{name}-by-country.csv"
        found = list(rows(path, sniff(path)))
        assert len(found) == count
        assert not any(row.problems for row in found)


def test_workbooks(shared_data: Path) -> None:
    folder = shared_data / "csv-conformance" / "frictionless"
    table = sniff(folder / "table.xlsx")
    assert (table.kind, table.columns, table.sheet) == ("xlsx", ("id", "name"), "Лист1")
    assert table.sheets == ("Лист1", "Sheet 2")
    found = list(rows(folder / "table.xlsx", table))
    assert found == [Row(2, ["1", "english"]), Row(3, ["2", "中国人"])]
    second = sniff(folder / "table.xlsx", sheet="Sheet 2")
    assert not second.has_header
    assert [row.line for row in rows(folder / "table.xlsx", second)] == [2, 3]
    third = sniff(folder / "sheets.xlsx", sheet="Sheet3")
    assert [row.cells for row in rows(folder / "sheets.xlsx", third)] == [["3", "rome"]]
    merged = sniff(folder / "merged-cells.xlsx")
    assert merged.columns == ("data",)
    formats = sniff(folder / "preserve-formatting.xlsx")
    (row,) = rows(folder / "preserve-formatting.xlsx", formats)
    assert row.cells[:4] == ["", "1000.5577", "1000.5577", "1000.5577"]
    assert row.cells[6:] == ["2040-05-20"] * 5
