from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from massadmin.tabular import BadWorkbook, NotATable, sniff


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n1 0 obj", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "a gzip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "old Excel workbook (.xls)"),
        (b"<html><table><tr><td>a</td></tr></table>", "a web page or XML document"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>", "a web page or XML document"),
        (b'[\n {"Name": "a"}]', "JSON"),
        (b'{"records": []}', "JSON"),
        (b"BEGIN:VCARD\nVERSION:3.0\n", "a vCard file"),
        (b"SQLite format 3\x00" + bytes(100), "an SQLite database"),
        (archive(**{"table.csv": "a,b\n"}), "a ZIP archive that holds table.csv"),
        (archive(**{"xl/workbook.bin": ""}), "binary Excel workbook (.xlsb)"),
        (archive(**{"mimetype": "", "content.xml": ""}), "OpenDocument"),
        (archive(**{"word/document.xml": ""}), "a Word document"),
        (archive(), "holds nothing"),
        (archive(a="", b="", c="", d="", e=""), "a, b, c and 2 more"),
    ],
)
def test_files_that_are_not_what_they_say(data: bytes, said: str) -> None:
    with pytest.raises(NotATable) as refusal:
        sniff(io.BytesIO(data))
    assert said in str(refusal.value)


@pytest.mark.parametrize("data", [b"PK\x03\x04 and then nothing", b"PK\x05\x06"])
def test_a_workbook_cut_short(data: bytes) -> None:
    with pytest.raises(BadWorkbook, match="damaged or cut short"):
        sniff(io.BytesIO(data))


@pytest.mark.parametrize("data", [b"<3,b\n1,2\n", b"{a},b\n1,2\n", b"[x],b\n1,2\n", b"PK,b\n1,2\n"])
def test_tables_that_begin_oddly_are_still_tables(data: bytes) -> None:
    assert sniff(io.BytesIO(data)).columns[1] == "b"
