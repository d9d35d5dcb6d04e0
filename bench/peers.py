"""The peers that are whole frameworks: Django, and django-import-export, on the same tables."""

from __future__ import annotations

from functools import cache
from typing import Any

import django
from django.conf import settings
from django.db import models, transaction
from import_export import resources
from import_export.instance_loaders import CachedInstanceLoader

from bench.measuring import bare_address

# What its documentation recommends for bulk work, and what was quickest here.
BATCH = 1_000
COMMIT = 5_000


@cache
def contact_model() -> Any:
    """The contacts as a Django model upon the bench's own tables."""
    _set_up()
    text: dict[str, Any] = {"null": True, "blank": True}

    class Contact(models.Model):  # type: ignore[misc]  # Django has no types
        id = models.BigAutoField(primary_key=True)
        first_name = models.TextField(**text)
        last_name = models.TextField(**text)
        email = models.EmailField(**text)
        phone = models.TextField(**text)
        company_name = models.TextField(**text)
        status = models.TextField(**text)
        source = models.TextField(**text)
        city = models.TextField(**text)
        country = models.TextField(**text)
        created_at = models.DateTimeField(auto_now_add=True)
        updated_at = models.DateTimeField(auto_now=True)
        deleted_at = models.DateTimeField(null=True)

        class Meta:
            app_label = "peers"
            managed = False
            db_table = "contacts"

    return Contact


def _set_up() -> None:
    given = bare_address()
    settings.configure(
        INSTALLED_APPS=["import_export"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": given.get("dbname"),
                "USER": given.get("user"),
                "PASSWORD": given.get("password"),
                "HOST": given.get("host"),
                "PORT": given.get("port"),
                "OPTIONS": {"options": given["options"]},
            }
        },
        USE_TZ=True,
    )
    django.setup()


def save_loop(value: str, count: int) -> None:
    """What an action of Django's admin does: change each record and save it.

    Only the column at hand is read and written, and a transaction holds as many as a chunk.
    """
    live = contact_model().objects.filter(deleted_at=None).order_by("id").only("id", "source")
    for start in range(0, count, COMMIT):
        with transaction.atomic():
            for contact in live[start : min(start + COMMIT, count)]:
                contact.source = value
                contact.save(update_fields=["source", "updated_at"])


def bulk_update(value: str, count: int) -> None:
    """The same by `bulk_update`, which writes many records by one statement."""
    model = contact_model()
    live = model.objects.filter(deleted_at=None).order_by("id").only("id", "source")
    for start in range(0, count, COMMIT):
        with transaction.atomic():
            found = list(live[start : min(start + COMMIT, count)])
            for contact in found:
                contact.source = value
            model.objects.bulk_update(found, ["source"], batch_size=BATCH)


@cache
def contact_resource(columns: tuple[str, ...]) -> Any:
    """How django-import-export brings in contacts, in bulk, told apart by their e-mail."""
    return resources.modelresource_factory(
        contact_model(),
        meta_options={
            "import_id_fields": ("email",),
            "fields": columns,
            "use_bulk": True,
            "batch_size": BATCH,
            "skip_diff": True,
            "use_transactions": True,
            "instance_loader_class": CachedInstanceLoader,
        },
    )


def close() -> None:
    """Close Django's connection."""
    from django.db import connections

    if settings.configured:
        connections.close_all()
