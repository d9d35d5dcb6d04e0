"""Contacts: the table, and the fields that everything else derives from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from massadmin.extensions import Base
from massadmin.records.fields import Field


class Contact(Base):
    """One person. A soft-deleted contact has `deleted_at`; every text column is NULL when empty."""

    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    first_name: Mapped[str | None] = mapped_column(String)
    last_name: Mapped[str | None] = mapped_column(String)
    email: Mapped[str | None] = mapped_column(String)
    phone: Mapped[str | None] = mapped_column(String)
    company_name: Mapped[str | None] = mapped_column(String)
    status: Mapped[str | None] = mapped_column(String)
    source: Mapped[str | None] = mapped_column(String)
    owner_id: Mapped[int | None] = mapped_column(Integer, ForeignKey("users.id"))
    city: Mapped[str | None] = mapped_column(String)
    state: Mapped[str | None] = mapped_column(String)
    country: Mapped[str | None] = mapped_column(String)
    postal_code: Mapped[str | None] = mapped_column(String)
    time_zone: Mapped[str | None] = mapped_column(String)
    dnd_email: Mapped[bool] = mapped_column(server_default=text("false"))
    dnd_sms: Mapped[bool] = mapped_column(server_default=text("false"))
    dnd_whatsapp: Mapped[bool] = mapped_column(server_default=text("false"))
    dnd_calls: Mapped[bool] = mapped_column(server_default=text("false"))
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_activity_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deleted_by: Mapped[int | None] = mapped_column(Integer, ForeignKey("users.id"))
    deleted_run_id: Mapped[int | None] = mapped_column(BigInteger)
    # The words of names, addresses and numbers, kept by triggers of the table.
    search: Mapped[Any] = mapped_column(
        TSVECTOR, server_default=FetchedValue(), server_onupdate=FetchedValue()
    )

    __table_args__ = (
        Index("ix_contacts_search", "search", postgresql_using="gin"),
        # What is looked at near the top of a list is seen here, without the contacts themselves.
        # The columns it includes are in other indexes too, so that it takes no more HOT updates.
        Index(
            "ix_contacts_created_at",
            "created_at",
            "id",
            postgresql_include=["deleted_at", "owner_id"],
        ),
        Index("ix_contacts_email", text("lower(email)")),
        Index("ix_contacts_phone", "phone"),
        Index("ix_contacts_owner_id", "owner_id", "id"),
        Index("ix_contacts_last_name", text("left(lower(coalesce(last_name, '')), 64)"), "id"),
        Index(
            "ix_contacts_deleted_at",
            "deleted_at",
            "id",
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
        Index(
            "ix_contacts_deleted_run_id",
            "deleted_run_id",
            postgresql_where=text("deleted_run_id IS NOT NULL"),
        ),
        # Room on every page lets an update of unindexed columns stay on it (a HOT update).
        {"postgresql_with": {"fillfactor": 80}},
    )


def _names(text: str) -> tuple[str, ...]:
    """The comma-separated headers under which other programs export a field."""
    return tuple(text.split(", "))


STATUSES = ("Lead", "Prospect", "Customer", "Partner", "Inactive", "Unsubscribed")

CONTACT_FIELDS: tuple[Field, ...] = (
    Field(
        "first_name",
        "First name",
        "text",
        default_column=True,
        names=_names("first name, firstname, given name, forename, first, vorname, prénom, nombre"),
    ),
    Field(
        "last_name",
        "Last name",
        "text",
        default_column=True,
        in_order=True,
        names=_names(
            "last name, lastname, family name, surname, last, nachname, familienname, "
            "nom, nom de famille, apellido, apellidos"
        ),
    ),
    Field(
        "email",
        "E-mail",
        "email",
        default_column=True,
        names=_names(
            "email, e-mail, email address, emailaddress, e-mail address, mail, primary "
            "email, e-mail 1 - value, email 1 - value, email 1, personal email, work "
            "email, business email, e-mail-adresse, adresse e-mail, courriel, correo "
            "electrónico"
        ),
    ),
    Field(
        "phone",
        "Phone",
        "phone",
        default_column=True,
        names=_names(
            "phone, phone number, telephone, mobile, mobile number, mobile phone, cell "
            "phone, phone 1 - value, work phone, tel, business phone, home phone, main "
            "phone, primary phone, phone 1, telefon, handy, téléphone, teléfono, móvil"
        ),
    ),
    Field(
        "company_name",
        "Company",
        "text",
        default_column=True,
        names=_names(
            "company, company name, organization, organisation, account name, "
            "organization 1 - name, organization name, account, employer, firma, "
            "unternehmen, entreprise, société, empresa"
        ),
    ),
    Field(
        "status",
        "Status",
        "choice",
        choices=STATUSES,
        open_choices=True,
        default_column=True,
        names=_names("status, lead status, lifecycle stage, stage"),
    ),
    Field(
        "source",
        "Source",
        "text",
        names=_names("source, lead source, leadsource, original source"),
    ),
    Field(
        "owner_id",
        "Owner",
        "user",
        default_column=True,
        names=_names("owner, owner email, contact owner, account owner, assigned to"),
    ),
    Field(
        "tags",
        "Tags",
        "tags",
        default_column=True,
        sortable=False,
        names=_names("tags, tag, labels, group membership, categories"),
    ),
    Field(
        "city",
        "City",
        "text",
        names=_names(
            "city, town, mailing city, mailingcity, billing city, billingcity, home "
            "city, work city, address 1 - city, company city, shipping city, ort, "
            "stadt, ville, ciudad"
        ),
    ),
    Field(
        "state",
        "State",
        "text",
        names=_names(
            "state, region, province, county, mailing state, billing state, "
            "billingstate, home state, work state, address 1 - region, state/province, "
            "home state/province, mailing state/province, company state, shipping "
            "state, bundesland, provincia"
        ),
    ),
    Field(
        "country",
        "Country",
        "country",
        names=_names(
            "country, mailing country, billing country, billingcountry, home country, "
            "work country, address 1 - country, company country, shipping country, "
            "land, pays, país"
        ),
    ),
    Field(
        "postal_code",
        "Postal code",
        "text",
        names=_names(
            "postal code, postalcode, zip, zip code, zipcode, mailing postal code, "
            "billing postal code, billingpostalcode, home zipcode, work zipcode, "
            "address 1 - postal code, zip/postal code, home zip/postal code, mailing "
            "zip/postal code, postcode, shipping postal code, plz, postleitzahl, code "
            "postal, código postal"
        ),
    ),
    Field("time_zone", "Time zone", "time_zone", names=_names("time zone, timezone")),
    Field("dnd_email", "No e-mail", "boolean", names=_names("no email, dnd email, email opt out")),
    Field("dnd_sms", "No SMS", "boolean", names=_names("no sms, dnd sms, sms opt out")),
    Field("dnd_whatsapp", "No WhatsApp", "boolean", names=_names("no whatsapp, dnd whatsapp")),
    Field("dnd_calls", "No calls", "boolean", names=_names("no calls, do not call, donotcall")),
    Field(
        "created_at",
        "Created",
        "datetime",
        editable=False,
        importable=False,
        default_column=True,
        never_empty=True,
        in_order=True,
    ),
    Field("updated_at", "Updated", "datetime", editable=False, importable=False, never_empty=True),
    Field(
        "last_activity_at",
        "Last activity",
        "datetime",
        names=_names("last activity, last activity date, last contacted"),
    ),
    Field(
        "id", "ID", "id", editable=False, in_order=True, names=_names("id, record id, contact id")
    ),
)
