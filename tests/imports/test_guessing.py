"""Guessing which column holds which field."""

from __future__ import annotations

import pytest

from massadmin.imports.guessing import guess, squashed
from massadmin.imports.mapping import importable
from massadmin.records.modules import MODULES

FIELDS = importable(MODULES["contacts"])


def guessed(header: list[str], *rows: list[str], has_header: bool = True) -> dict[str, str]:
    """What was found, by column."""
    mapping = guess(FIELDS, header, rows, has_header=has_header, full_name="name")
    return {column: key for column, key in zip(header, mapping, strict=True) if key}


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("E-mail 1 - Value", "email"),
        ("Primary Email", "email"),
        ("EMAIL ADDRESS", "email"),
        ("email", "email"),
        ("Contact1 Personal Email", "email"),
        ("Correo electrónico", "email"),
        ("Phone 1 - Value", "phone"),
        ("MobilePhone", "phone"),
        ("Given Name", "first_name"),
        ("first_name", "first_name"),
        ("FirstName", "first_name"),
        ("Contact1 First Name", "first_name"),
        ("NPSP__CONTACT1_LASTNAME__C", "last_name"),
        ("Vorname", "first_name"),
        ("Family Name", "last_name"),
        ("MAILINGCITY", "city"),
        ("billing_city", "city"),
        ("Zip/Postal Code", "postal_code"),
        ("Home ZipCode", "postal_code"),
        ("Organization 1 - Name", "company_name"),
        ("Account1 Name", "company_name"),
        ("LEADSOURCE", "source"),
        ("Lead Status", "status"),
        ("Do Not Call", "dnd_calls"),
        ("Name", "name"),
        ("Full name", "name"),
        ("Display Name", "name"),
    ],
)
def test_headers_of_other_programs_are_known(header: str, field: str) -> None:
    assert guessed([header]) == {header: field}


@pytest.mark.parametrize("header", ["Notes", "Fax Number", "Web Page 1", "", "Username", "C"])
def test_other_headers_are_left_alone(header: str) -> None:
    assert guessed([header], ["something"]) == {}


def test_no_field_is_taken_twice_and_the_better_name_wins() -> None:
    assert guessed(["Work Email", "Email", "Email"]) == {"Email": "email"}


def test_of_two_columns_the_filled_one_wins() -> None:
    header = ["Mobile", "Work Phone"]
    assert guessed(header, ["", "+47 21 23 45 67"]) == {"Work Phone": "phone"}


def test_a_full_name_counts_only_without_first_and_last() -> None:
    assert guessed(["Name", "Given Name", "Family Name"]) == {
        "Given Name": "first_name",
        "Family Name": "last_name",
    }


def test_in_a_file_of_companies_the_name_is_the_company() -> None:
    assert guessed(["NAME", "ANNUALREVENUE", "PHONE"])["NAME"] == "company_name"
    assert guessed(["Name", "Industry", "Email"])["Name"] == "name"


def test_ids_and_owners_of_another_program_are_not_ours() -> None:
    header = ["ID", "OWNERID"]
    assert guessed(header, ["001x0000002xLCV", "005x0000000fNSi"]) == {}
    assert guessed(header, ["17", "ada@example.com"]) == {"ID": "id", "OWNERID": "owner_id"}


def test_without_a_header_the_contents_speak() -> None:
    header = ["Column 1", "Column 2", "Column 3", "Column 4"]
    rows = [
        ["1001", "ada@example.com", "+1 (408) 505-1578", "1815-12-10"],
        ["1002", "bob@example.com", "617-555-0143", "1980-01-02"],
        ["1003", "cy@example.com", "020 7946 0018", "1999-03-04"],
    ]
    assert guessed(header, *rows, has_header=False) == {"Column 2": "email", "Column 3": "phone"}


def test_contents_help_where_the_header_says_nothing() -> None:
    rows = [["ada@example.com"], ["bob@example.com"], ["cy@example.com"]]
    assert guessed(["Login"], *rows) == {"Login": "email"}


def test_the_address_of_one_salesperson_is_not_the_contacts() -> None:
    rows = [["sales@example.com"]] * 5
    assert guessed(["Sold by"], *rows) == {}


def test_numbers_and_dates_are_no_phone_numbers() -> None:
    for value in ("21596444800", "40000.0000", "2011-01-02 00:00:00", "1.2.2020"):
        assert guessed(["Column 1"], [value], has_header=False) == {}, value


def test_squashed() -> None:
    assert squashed("E-mail 1 - Value") == "email1value"
    assert squashed("ORACLE_ID__c") == "oracleid"
    assert squashed("Prénom") == "prénom"
