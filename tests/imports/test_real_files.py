"""Files from the field, imported: what CRMs, address books and mail programs export."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from massadmin import imports, tabular
from massadmin.auth.models import User
from massadmin.exports.keeping import file_of
from massadmin.extensions import db
from massadmin.imports import Policy
from massadmin.records.contacts import Contact
from massadmin.runs.models import Run
from massadmin.tabular import BadEncoding, EmptyFile
from tests.factories import a_user, contacts, fresh, reasons, run_action, tags_of, tally
from tests.factories import finished as done
from tests.imports.files import counts

pytestmark = pytest.mark.usefixtures("db_session")


@pytest.fixture
def admin() -> User:
    return a_user()


@pytest.fixture
def crm(shared_data: Path) -> Path:
    return shared_data / "crm-imports"


@pytest.fixture
def books(shared_data: Path) -> Path:
    return shared_data / "addressbook-exports"


def run_file(path: Path, user: User, maps: dict[str, str] | None = None, **policy: Any) -> Run:
    """The file, imported as the command line does it without being told more."""
    file = imports.stage(path, path.name, contacts(), user)
    if maps:
        imports.assign(file, contacts(), user, maps)
    chosen = {**imports.default_policy(file.mapping).to_json(), **policy}
    run = done(imports.start(file, contacts(), Policy.from_json(chosen), user))
    assert run.state == "completed"
    assert sum(tally(run)) == file.rows  # type: ignore[arg-type]  # it has ended
    return run


def everybody() -> list[Contact]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(Contact).order_by(Contact.id).execution_options(populate_existing=True)
        )
    )


def seen(*fields: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(each, field) for field in fields) for each in everybody()]


def emptied() -> None:
    db.session.rollback()
    db.session.execute(text("TRUNCATE contacts, contact_tags"))
    db.session.commit()


def source(path: Path, **dialect: Any) -> list[dict[str, str]]:
    with path.open(newline="", encoding=dialect.pop("encoding", "utf-8")) as file:
        return list(csv.DictReader(file, **dialect))


# --- CRMs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("match", ["email", None])
def test_423_accounts_with_their_accents(crm: Path, admin: User, match: str | None) -> None:
    path = crm / "salesforce-dataloader" / "accountData.csv"
    run = run_file(path, admin, match=match)
    assert counts(run) == (423, 0, 0, 0)
    assert reasons(run) == {"": 423}
    found = seen("company_name", "city", "state", "postal_code", "country")
    wanted = [
        tuple(
            row[name] or None
            for name in (
                "NAME",
                "BILLINGCITY",
                "BILLINGSTATE",
                "BILLINGPOSTALCODE",
                "BILLINGCOUNTRY",
            )
        )
        for row in source(path, encoding="cp1252")
    ]
    assert found == wanted
    assert "Crédito Inmobiliario Terras" in {each[0] for each in found}
    phones = [each.phone for each in everybody() if each.phone]
    assert len(phones) == 9
    assert "+14159017000" in phones


def test_100_accounts_of_the_insert_file(crm: Path, admin: User) -> None:
    path = crm / "salesforce-dataloader" / "insertAccountCsv.csv"
    assert counts(run_file(path, admin, country="US")) == (100, 0, 0, 0)
    assert seen("company_name", "phone")[1] == ("account insert #1", "+14155550001")


def test_two_spreadsheets_save_the_same_201_contacts(crm: Path, admin: User) -> None:
    saved = []
    for name in ("import_excel.csv", "import_libreoffice.csv", "import_rfc_4180.csv"):
        emptied()
        assert counts(run_file(crm / "keila-agpl" / name, admin)) == (201, 0, 0, 0)
        saved.append(seen("email", "first_name", "last_name"))
    assert saved[0] == saved[1] == saved[2]
    assert saved[0][0] == ("foo-1@example.com", "Joël", "Müller-Schultheiß")


def test_the_other_files_of_a_mailing_tool(crm: Path, admin: User) -> None:
    keila = crm / "keila-agpl"
    run = run_file(keila / "import_malformed2.csv", admin)
    assert counts(run) == (0, 0, 0, 1)
    assert reasons(run) == {"No e-mail, by which rows are matched": 1}
    assert counts(run_file(keila / "import_malformed1.csv", admin)) == (3, 0, 0, 0)
    run = run_file(keila / "import_rfc_4180_with_status.csv", admin)
    assert counts(run) == (4, 0, 0, 0)
    statuses = {each.email: each.status for each in everybody()}
    assert str(statuses["unsubscribed@example.com"]).lower() == "unsubscribed"
    assert statuses["unreachable@example.com"] == "unreachable"
    assert statuses["empty@example.com"] is None
    run = run_file(keila / "import_rfc_4180_upsert.csv", admin)
    assert counts(run) == (4, 0, 1, 0)
    assert reasons(run)["Same e-mail as line 2"] == 1
    run = run_file(keila / "import_external_ids_duplicate.csv", admin)
    assert [each for each in reasons(run) if "columns" in each] != []


def test_100_subscribers_and_the_blocklist_case(crm: Path, admin: User) -> None:
    assert counts(run_file(crm / "listmonk-agpl" / "subs.csv", admin)) == (100, 0, 0, 0)
    assert seen("email", "first_name", "last_name")[0] == ("user0@mail.com", "First0", "Last0")
    path = crm / "listmonk-agpl" / "subs-domain-blocklist.csv"
    assert counts(run_file(path, admin)) == (4, 0, 0, 0)
    # Only the domain's case differs, which says nothing.
    assert {"ban1-import@ban.net", "ban2-import@ban.org"} <= {each[0] for each in seen("email")}
    assert counts(run_file(path, admin)) == (0, 0, 4, 0)


def test_54_leads_with_phones_of_many_countries(crm: Path, admin: User) -> None:
    path = crm / "mautic-gpl" / "fakeleaddata.csv"
    run = run_file(path, admin, match=None)
    assert counts(run) == (54, 0, 0, 0)
    assert reasons(run) == {"": 54}
    assert sum(each.phone is not None for each in everybody()) == sum(
        row["phone"] != "" for row in source(path)
    )
    emptied()
    assert counts(run_file(crm / "mautic-gpl" / "10contacts.csv", admin)) == (10, 0, 0, 0)
    emptied()
    run_file(crm / "mautic-gpl" / "fakecompanydata.csv", admin)
    assert seen("company_name", "city", "country")[0] == ("Mautic", "Boston", "United States")


def test_contacts_and_leads_of_a_sample_app(crm: Path, admin: User) -> None:
    folder = crm / "easy-spaces"
    assert counts(run_file(folder / "Contact_Data.csv", admin)) == (12, 0, 0, 0)
    assert seen("email", "city", "phone", "postal_code")[0] == (
        "phaidra.rayer@sw-global.com",
        "San Bruno",
        "+14085051578",
        "94066",
    )
    assert counts(run_file(folder / "Lead_Data.csv", admin)) == (11, 0, 0, 0)
    assert everybody()[-1].status == "Open - Not Contacted"


def test_files_without_a_header(crm: Path, admin: User) -> None:
    folder = crm / "adventureworks"
    run = run_file(
        folder / "ProspectiveBuyer.csv",
        admin,
        {"#3": "first_name", "#5": "last_name", "#19": "city", "#20": "state"},
        country="US",
    )
    assert run.total == 2_059
    with (folder / "ProspectiveBuyer.csv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter="|"))
    created, _, skipped, failed = counts(run)
    assert created == len(everybody())
    # Some addresses have no top-level domain, and some people come twice.
    assert failed == sum("." not in row[8].partition("@")[2] for row in rows)
    assert created + skipped == len(rows) - failed
    assert seen("first_name", "last_name", "email", "city")[0] == (
        "Adam",
        "Alexander",
        "aalexander@lucernepublishing.com",
        "Cedar City",
    )
    emptied()
    run = run_file(folder / "DimReseller.csv", admin, {"#6": "company_name"}, country="US")
    assert run.total == 701
    assert everybody()[0].company_name == "A Bike Store"
    emptied()
    run = run_file(folder / "Vendor.csv", admin, {"#3": "company_name"})
    assert counts(run) == (104, 0, 0, 0)


def test_a_template_with_instructions_above_its_header(crm: Path, admin: User) -> None:
    path = crm / "npsp" / "NPSP_Data_Import_Template.csv"
    file = imports.stage(path, path.name, contacts(), admin)
    assert file.dialect.preamble == 4
    assert file.columns[1] == "Contact1 First Name"
    assert dict(zip(file.columns, file.mapping, strict=True))["Account1 Name"] == "company_name"


@pytest.mark.parametrize(
    ("name", "encoding"), [("UTF8", "utf-8-sig"), ("UTF16LE", "utf-16"), ("UTF16BE", "utf-16")]
)
def test_byte_order_marks(crm: Path, admin: User, name: str, encoding: str) -> None:
    path = crm / "salesforce-dataloader" / f"csvtext_BOM_{name}.csv"
    run = run_file(path, admin, {"column1": "first_name", "column3": "last_name"})
    assert counts(run) == (2, 0, 0, 0)
    assert seen("first_name", "last_name") == [("row1-1", "row1-3"), ("row2-1", "row2-3")]


@pytest.mark.parametrize("name", ["UTF32LE", "UTF32BE"])
def test_a_wrong_mark_is_refused_in_words(crm: Path, admin: User, name: str) -> None:
    path = crm / "salesforce-dataloader" / f"csvtext_BOM_{name}.csv"
    with pytest.raises(BadEncoding, match=r"UTF-16.*UTF-32"):
        imports.stage(path, path.name, contacts(), admin)


def test_20000_rows_of_one_column(crm: Path, admin: User) -> None:
    path = crm / "salesforce-dataloader" / "20kRows.csv"
    run = run_file(path, admin, {"COLUMN1": "company_name"})
    assert counts(run) == (20_000, 0, 0, 0)


# --- address books --------------------------------------------------------------------------------


def test_an_address_book_of_81_columns(books: Path, admin: User) -> None:
    run = run_file(books / "roundcube-gpl" / "gmail.csv", admin)
    assert counts(run) == (1, 0, 0, 0)
    card = vcard(books / "roundcube-gpl" / "gmail.vcf")
    (found,) = everybody()
    last, first, *_ = card["N"][0].split(";")
    assert (found.first_name, found.last_name) == (first, last)
    assert found.email == card["EMAIL"][0]
    assert found.company_name == card["ORG"][0]
    street = card["ADR"][0].split(";")
    assert [found.city, found.state, found.postal_code, found.country] == street[3:7]
    assert tags_of(found.id) == sorted(card["CATEGORIES"][0].split(","))
    # Its phone numbers are words; they are left out, and it is said.
    assert found.phone is None
    assert reasons(run) == {"Left out: Phone is not a possible phone number": 1}


def test_an_address_book_of_thunderbird(books: Path, admin: User) -> None:
    run_file(books / "roundcube-gpl" / "tb_plain.csv", admin)
    card = vcard(books / "roundcube-gpl" / "tb_plain.vcf")
    (found,) = everybody()
    last, first, *_ = card["N"][0].split(";")
    assert (found.first_name, found.last_name, found.email) == (first, last, card["EMAIL"][0])
    assert found.company_name == card["ORG"][0]
    assert [found.city, found.state, found.postal_code, found.country] == card["ADR"][0].split(";")[
        3:7
    ]


def test_a_list_of_addresses_alone(books: Path, admin: User) -> None:
    assert counts(run_file(books / "roundcube-gpl" / "email.csv", admin)) == (4, 0, 0, 0)
    assert [each[0] for each in seen("email")] == vcard(books / "roundcube-gpl" / "email.vcf")[
        "EMAIL"
    ]


def test_a_contact_without_a_name_is_imported(books: Path, admin: User) -> None:
    run = run_file(books / "google" / "google_contacts.csv", admin)
    assert counts(run) == (3, 0, 0, 0)
    assert seen("first_name", "last_name", "email") == [
        ("Richard", "Feynman", "rich@caltech.edu"),
        (None, None, "iforgotthisguysnamebutihavehisemail@gmail.com"),
        ("Elon", "Musk", "elon.musk@tesla.com"),
    ]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("utf16_addressbook.csv", "utf16_csv"),
        ("csv_semicolon.csv", "csv_import"),
        ("basic_csv_addressbook.csv", "csv_import"),
    ],
)
def test_address_books_equal_what_their_program_makes_of_them(
    books: Path, admin: User, name: str, key: str
) -> None:
    folder = books / "thunderbird"
    wanted = json.loads((folder / "addressbook.json").read_text())[key]
    assert counts(run_file(folder / name, admin)) == (len(wanted), 0, 0, 0)
    assert seen("first_name", "last_name", "email") == [
        (each["FirstName"], each["LastName"], each["PrimaryEmail"]) for each in wanted
    ]


def vcard(path: Path) -> dict[str, list[str]]:
    """Values by property, in the order of the file; parameters are left out."""
    values: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        values.setdefault(name.partition(";")[0], []).append(value)
    return values


# --- files that break importers -------------------------------------------------------------------


def conformance(folder: Path) -> Iterator[tuple[Path, int]]:
    with (folder / "manifest.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield folder / row["file"], int(row["nonblank_records_incl_header"])


def test_nothing_breaks_and_every_record_is_counted(shared_data: Path, admin: User) -> None:
    files = list(conformance(shared_data / "csv-conformance"))
    assert len(files) == 84
    for path, records in files:
        if records == 0:
            with pytest.raises(EmptyFile, match="no bytes"):
                imports.stage(path, path.name, contacts(), admin)
            continue
        file = imports.stage(path, path.name, contacts(), admin)
        header = int(file.dialect.has_header)
        assert file.rows + header + file.dialect.preamble == records, path.name
        if not file.rows:
            continue
        imports.assign(file, contacts(), admin, {"#1": "company_name"})
        run = done(imports.start(file, contacts(), Policy(match=None), admin))
        assert run.state == "completed", path.name
        assert sum(counts(run)) == file.rows, path.name
        allowed = r"|Empty row: .*|Left out: .*|.*\d cells? .*|.*(not|no) .* text|.*never closed.*"
        for reason in reasons(run):
            assert re.fullmatch(allowed, reason), (path.name, reason)


def test_leading_zeros_stay(shared_data: Path, admin: User) -> None:
    path = shared_data / "csv-conformance" / "frictionless" / "leading-zeros.csv"
    run_file(path, admin, {"#1": "postal_code"})
    assert [each[0] for each in seen("postal_code")] == [row["value"] for row in source(path)]


# --- names ----------------------------------------------------------------------------------------


def every_string(folder: Path) -> list[str]:
    strings = json.loads((folder / "blns" / "blns.json").read_text())
    for name in ("forenames", "surnames"):
        rows = source(
            folder / "popular-names" / f"common-{name}-by-country.csv", encoding="utf-8-sig"
        )
        strings += [row["Localized Name"] for row in rows] + [row["Romanized Name"] for row in rows]
    return strings


def test_every_name_survives_import_list_update_and_export(
    shared_data: Path, admin: User, app: Any, tmp_path: Path
) -> None:
    strings = every_string(shared_data / "names")
    assert len(strings) > 10_000
    path = tmp_path / "names.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["Last name", "Source"])
        writer.writerows([name, f"n{number}"] for number, name in enumerate(strings))
    run = run_file(path, admin)
    assert counts(run) == (len(strings), 0, 0, 0)
    wanted = {f"n{number}": name or None for number, name in enumerate(strings)}
    assert {each.source: each.last_name for each in everybody()} == wanted
    # A copy made by a bulk action is the same text.
    copied = run_action("update_fields", admin, copy__company_name="last_name")
    assert fresh(copied).failed == 0
    assert {each.source: each.company_name for each in everybody()} == wanted
    # So is what an export gives out, once its guards against formulas are taken off.
    exported = run_action("export", admin, columns="source,company_name", format="csv")
    place = file_of(exported)
    assert place
    dialect = tabular.sniff(place, encoding="utf-8-sig", delimiter=",", has_header=True)
    rows = {
        row.cells[0]: tabular.restore(row.cells[1]) or None for row in tabular.rows(place, dialect)
    }
    assert rows == wanted


def test_lists_show_every_naughty_string_as_text(shared_data: Path, admin: User, app: Any) -> None:
    from massadmin.auth import sessions

    strings = json.loads((shared_data / "names" / "blns" / "blns.json").read_text())
    db.session.add_all([Contact(last_name=name or None, first_name="x") for name in strings])
    token = sessions.start(admin, address="127.0.0.1", agent="test")
    db.session.commit()
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie["_user_id"] = token
    url, pages = "/contacts?per=100&sort=last_name", 0
    while url:
        page = browser.get(url)
        assert page.status_code == 200
        assert not re.search(
            r"<(script>alert|img src=x|iframe|svg[ /]on|a href=\"?javascript)", page.text
        )
        following = re.search(r'id="page-next" href="([^"]+)"', page.text)
        url = following[1].replace("&amp;", "&") if following else ""
        pages += 1
    assert pages == -(-len(strings) // 100)
    for query in strings[::25]:
        assert browser.get("/contacts", query_string={"q": query}).status_code == 200
