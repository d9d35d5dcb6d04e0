"""Workbooks written part by part, as no program would write them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from massadmin.tabular import Limits, rows, sniff

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = '<worksheet xmlns="{}"><sheetData>{}</sheetData></worksheet>'


def package(
    sheet: str, strings: str = "", styles: str = "", more: Mapping[str, str | bytes] | None = None
) -> io.BytesIO:
    """A workbook of one sheet, from the XML of its rows, string items and styles;
    `more` are parts beside them or in their place, by name."""
    parts = {"xl/worksheets/sheet1.xml": SHEET.format(NAMESPACE, sheet)}
    kinds = {"worksheets/sheet1.xml": "worksheet"}
    if strings:
        kinds["sharedStrings.xml"] = "sharedStrings"
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{NAMESPACE}">{strings}</sst>'
    if styles:
        kinds["styles.xml"] = "styles"
        parts["xl/styles.xml"] = f'<styleSheet xmlns="{NAMESPACE}">{styles}</styleSheet>'
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{NAMESPACE}" xmlns:r="{RELATION}"><sheets>'
        '<sheet name="One" sheetId="1" r:id="worksheet"/></sheets></workbook>'
    )
    parts["_rels/.rels"] = relations({"xl/workbook.xml": "officeDocument"})
    parts["xl/_rels/workbook.xml.rels"] = relations(kinds)
    parts["[Content_Types].xml"] = (
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{CONTENT}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/{target}" ContentType="{CONTENT}.{kind}+xml"/>'
            for target, kind in kinds.items()
        )
        + "</Types>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in {**parts, **(more or {})}.items():
            target.writestr(name, content)
    return buffer


def relations(targets: dict[str, str]) -> str:
    """The XML of relations, from their targets and kinds; the kind is the id."""
    return (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="{kind}" Type="{RELATION}/{kind}" Target="{target}"/>'
            for target, kind in targets.items()
        )
        + "</Relationships>"
    )


def cells(file: io.BytesIO, limits: Limits | None = None) -> list[list[str]]:
    dialect = sniff(file, has_header=False, preamble=0)
    return [row.cells for row in rows(file, dialect, limits or Limits())]
