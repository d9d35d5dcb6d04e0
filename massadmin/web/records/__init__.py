"""Records: the list of a module, its selection, its smart lists, and the page of one record."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Blueprint, current_app

from massadmin.records.modules import MODULES
from massadmin.web.answers import asked_by_htmx
from massadmin.web.nav import Entry

bp = Blueprint("records", __name__)

# Every address of a module begins with this; other first words belong to other pages.
MODULE = f"/<any({','.join(MODULES)}):module>"
# No id is larger than what the database can hold.
RECORD = MODULE + "/<int(max=9223372036854775807):record_id>"

NAV = [
    Entry(
        label=module.label,
        endpoint="records.index",
        arguments={"module": module.key},
        icon=module.icon,
        order=10,
        permission=f"{module.key}.view",
    )
    for module in MODULES.values()
]


@bp.app_template_global()
def has_page(endpoint: str) -> bool:
    """Whether this console has such a page: families of pages come and go as files."""
    return endpoint in current_app.view_functions


bp.add_app_template_global(asked_by_htmx, "htmx_asks")


for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
