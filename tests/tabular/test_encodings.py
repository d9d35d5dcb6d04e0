from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from massadmin.tabular import BadEncoding, NotATable, rows, sniff
from massadmin.tabular.encodings import detect


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Name,Ort\nJürgen Groß,Köln\nAndré,Besançon\n", "cp1252"),
        ("Imię,Miasto\nŁukasz Wójcik,Łódź\nZbigniew Żak,Gdańsk\n", "cp1250"),
        ("Имя,Город\nБорис Иванов,Москва\nМария Петрова,Казань\n", "cp1251"),
        ("Имя,Город\nБорис Иванов,Москва\nМария Петрова,Казань\n", "koi8-r"),
        ("Όνομα,Πόλη\nΆννα,Αθήνα\nΛεωνίδας,Σπάρτη\n", "cp1253"),
        ("Όνομα,Πόλη\nΆννα,Αθήνα\nΛεωνίδας,Σπάρτη\n", "iso8859-7"),
        ("Ad,Şehir\nAyşe Yılmaz,İstanbul\nÇağlar Öz,Muğla\n", "cp1254"),
        ("שם,עיר\nאברהם לוי,ירושלים\nשרה כהן,חיפה\n", "cp1255"),
        ("الاسم,المدينة\nمحمد أحمد,القاهرة\nفاطمة,دمشق\n", "cp1256"),
        ("名前,市\nさくら 田中,東京\n佐藤 健,大阪\n", "cp932"),
        ("姓名,城市\n王伟,北京\n李娜,上海\n", "gb18030"),
        ("이름,도시\n김민준,서울\n이서연,부산\n", "cp949"),
        ("姓名,城市\n陳俊傑,臺北\n林家豪,高雄\n", "big5"),
        ("Name,Ort\nJürgen Groß,Köln\nAndré,Besançon\n", "mac-roman"),
        ("Name,Ort\nJürgen,Köln\n", "utf-8"),
        ("Name,Ort\nJürgen,Köln\n", "utf-8-sig"),
        ("Name,Ort\nJürgen,Köln\n", "utf-16"),
        ("Name,Ort\nJürgen,Köln\n", "utf-16-le"),
        ("Name,Ort\nJürgen,Köln\n", "utf-16-be"),
        ("Name,Ort\nJürgen,Köln\n", "utf-32"),
        ("Name,Ort\nJürgen,Köln\n", "utf-32-be"),
        ("Name,City\nJohn,Oslo\n", "utf-8"),
    ],
)
def test_text_is_read_as_it_was_written(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    found = detect(io.BytesIO(data))
    assert data.decode(found).removeprefix("\ufeff") == text


# Names of countries in the code page that Excel saves them in there.
CODE_PAGES = {
    "cp1252": "FR DE ES PT BR IT NO DK FI NL AT CH MX AR CL CO PE IE",
    "cp1250": "PL CZ SK HU HR SI RO BA",
    "cp1251": "RU UA BG BY RS MK KZ",
    "cp1253": "GR",
    "cp1254": "TR AZ",
    "cp1255": "IL",
    "cp932": "JP",
    "gb18030": "CN",
    "cp949": "KR",
    "big5": "TW",
}


def test_names_of_people_in_the_code_pages_of_their_countries(shared_data: Path) -> None:
    names: dict[str, list[str]] = {}
    for name in ("forenames", "surnames"):
        path = shared_data / "names" / "popular-names" / f"common-{name}-by-country.csv"
        with path.open(encoding="utf-8-sig") as file:
            for line in csv.DictReader(file):
                names.setdefault(line["Country"], []).append(line["Localized Name"])
    wrong = []
    for encoding, countries in CODE_PAGES.items():
        for country in countries.split():
            spelled = "\n".join(f"{name},Oslo" for name in names[country])
            data = spelled.encode(encoding, "ignore")
            if data.decode(detect(io.BytesIO(data))) != data.decode(encoding):
                wrong.append((encoding, country))
    assert wrong == []


def test_a_few_bad_bytes_do_not_make_utf8_something_else() -> None:
    data = b"name\n" + "Jürgen\nAndré\nŁukasz\nСергей\n".encode() * 30 + b"Andr\xe9\n"
    file = io.BytesIO(data)
    dialect = sniff(file)
    assert dialect.encoding == "utf-8"
    *_, last = rows(file, dialect)
    assert (last.line, last.reason) == (122, "name: holds bytes that are not utf-8 text")


def test_accents_after_a_million_plain_lines_are_seen() -> None:
    data = b"name,city\n" + b"John,Oslo\n" * 300_000 + "Jürgen,Köln\n".encode("cp1252")
    assert detect(io.BytesIO(data)) == "cp1252"


def test_a_long_line_takes_no_long_time() -> None:
    data = b"x" * 4_000_000 + b"\n" + "Jürgen\n".encode("cp1252") + b"y" * 4_000_000
    assert detect(io.BytesIO(data)) == "cp1252"


@pytest.mark.parametrize(
    ("mark", "body", "said"),
    [
        (b"\xfe\xff", "utf-32-le", "UTF-32 (little-endian)"),
        (b"\xfe\xff", "utf-32-be", "UTF-32 (big-endian)"),
        (b"\xff\xfe", "utf-32-be", "UTF-32 (big-endian)"),
        (b"\xff\xfe", "utf-16-be", "UTF-16 (big-endian)"),
        (b"\xfe\xff", "utf-16-le", "UTF-16 (little-endian)"),
    ],
)
def test_a_mark_that_contradicts_its_file(mark: bytes, body: str, said: str) -> None:
    with pytest.raises(BadEncoding) as refusal:
        detect(io.BytesIO(mark + "name,city\nJohn,Oslo\n".encode(body)))
    assert said in str(refusal.value)
    assert "save it again as UTF-8" in str(refusal.value)


def test_binary_data_is_no_text() -> None:
    with pytest.raises(NotATable, match="binary data"):
        detect(io.BytesIO(bytes(range(256)) * 4 + bytes(500)))
