"""Workbooks written part by part, as no program would write them."""

from __future__ import annotations

import io
import zipfile

from massadmin.tabular import Limits, rows, sniff

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = '<worksheet xmlns="{}"><sheetData>{}</sheetData></worksheet>'


def package(sheet: str, strings: str = "", styles: str = "", **more: str) -> io.BytesIO:
    """A workbook of one sheet, from the XML of its rows, string items and styles."""
    kinds = {"worksheet": "worksheets/sheet1.xml"}
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships><Relationship Id="r1" Type="{RELATION}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{NAMESPACE}" xmlns:r="{RELATION}"><sheets>'
        '<sheet name="One" sheetId="1" r:id="worksheet"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": SHEET.format(NAMESPACE, sheet),
    }
    if strings:
        kinds["sharedStrings"] = "sharedStrings.xml"
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{NAMESPACE}">{strings}</sst>'
    if styles:
        kinds["styles"] = "styles.xml"
        parts["xl/styles.xml"] = f'<styleSheet xmlns="{NAMESPACE}">{styles}</styleSheet>'
    parts["xl/_rels/workbook.xml.rels"] = (
        "<Relationships>"
        + "".join(
            f'<Relationship Id="{kind}" Type="{RELATION}/{kind}" Target="{target}"/>'
            for kind, target in kinds.items()
        )
        + "</Relationships>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in (parts | more).items():
            target.writestr(name, content)
    return buffer


def cells(file: io.BytesIO, limits: Limits | None = None) -> list[list[str]]:
    dialect = sniff(file, has_header=False, preamble=0)
    return [row.cells for row in rows(file, dialect, limits or Limits())]
