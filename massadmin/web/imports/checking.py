"""The third step: what happens to rows that match, tried out before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import BooleanField, Form, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # not in its stubs

from massadmin import imports
from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.imports import BadMapping, BadPolicy, ImportFile, Policy
from massadmin.imports.policy import EMPTY, MATCHES, ON_MATCH, UNMATCHED
from massadmin.records.countries import countries
from massadmin.records.modules import Module
from massadmin.records.values import MAX_SHORT_ID, whole_number
from massadmin.runs.preview import Preview
from massadmin.runs.results import Row
from massadmin.runs.start import NotAllowed, Refused
from massadmin.web.access import permission
from massadmin.web.answers import asked_by_htmx, go, page_or_fragment
from massadmin.web.imports import FILE, bp
from massadmin.web.imports.files import elsewhere, file_or_404, me, module_of
from massadmin.web.imports.mapping import doubled
from massadmin.web.runs.previewed import examples

# Rows tried out: enough to meet what a file has in store, few enough to wait for.
TRIED = 2_000
# A radio button with an empty value counts as none.
NOTHING = "none"


def _choices(labels: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(key, label) for key, label in labels.items()]


class PolicyForm(Form):
    """The policy as a form; `matches` are the fields that some column is mapped to."""

    match = RadioField("Rows are matched with records by")
    on_match = RadioField("When a record matches", choices=_choices(ON_MATCH))
    unmatched = RadioField("When no record matches", choices=_choices(UNMATCHED))
    empty = RadioField("An empty cell", choices=_choices(EMPTY))
    country = SelectField("Phone numbers without a country code are from", validate_choice=False)
    owner = SelectField("New records belong to", validate_choice=False)
    tags = StringField("Tags for all of them", description="Separate tags with commas.")
    trim = BooleanField("Leave out blanks around text")

    def setup(self, module: Module, mapping: list[str | None], user: User) -> None:
        """Offer what this file and this user can choose."""
        self.match.choices = _choices(
            {key or NOTHING: label for key, label in MATCHES.items() if not key or key in mapping}
        )
        unknown = "the row's own country" if "country" in mapping else "nowhere: leave them out"
        self.country.choices = _choices({"": f"({unknown})", **countries()})
        people = db.session.execute(
            select(User.id, User.name).where(User.active).order_by(User.name)
        ).all()
        if not user.can(f"{module.key}.assign"):
            people = [each for each in people if each.id == user.id]
        nobody = {"": "nobody"} if user.sees_all_records else {}
        self.owner.choices = _choices({**nobody, **{str(each.id): each.name for each in people}})

    def policy(self) -> Policy:
        """What was chosen; `imports` checks it."""
        return Policy(
            match=None if self.match.data == NOTHING else self.match.data,
            on_match=self.on_match.data or "update",
            unmatched=self.unmatched.data or "create",
            empty=self.empty.data or "keep",
            country=self.country.data or None,
            tags=tuple(each.strip() for each in (self.tags.data or "").split(",") if each.strip()),
            owner=whole_number(self.owner.data or "", MAX_SHORT_ID),
            trim=bool(self.trim.data),
        )


@dataclass(frozen=True)
class Trial:
    """What a rehearsal of the first rows gave. `rows` are examples with their changes in words."""

    found: Preview
    rows: list[tuple[Row, list[Any]]]

    @property
    def whole(self) -> bool:
        return self.found.sampled >= self.found.total

    @property
    def to_correct(self) -> bool:
        """Whether there will be a file of rows that failed, or were taken without some cell."""
        return any(outcome != "skipped" for outcome, _, _ in self.found.reasons)

    @property
    def created(self) -> int:
        return self.found.anew

    @property
    def updated(self) -> int:
        return self.found.tally["succeeded"] - self.found.anew


@bp.get(FILE + "/check")
@permission("contacts.import")
def check(file_id: int) -> Response:
    """The policy as chosen before, or the usual one, and what it would do."""
    file = file_or_404(file_id)
    module = module_of(file)
    if gone := elsewhere(file):
        return gone
    policy = Policy.from_json(file.policy or imports.default_policy(file.mapping).to_json())
    return _page(file, module, _form(file, module, policy), policy)


@bp.post(FILE + "/check")
@permission("contacts.import")
def try_out(file_id: int) -> Response:
    """Keep another policy and show what it would do."""
    file = file_or_404(file_id)
    module = module_of(file)
    if gone := elsewhere(file):
        return gone
    form = _asked(file, module)
    file.policy = form.policy().to_json()
    db.session.commit()
    if not asked_by_htmx():
        return go(url_for("imports.check", file_id=file.id))
    return _page(file, module, form, form.policy())


@bp.post(FILE + "/start")
@permission("contacts.import")
def start(file_id: int) -> Response:
    """Start the import with the policy that the form shows, or leave that to the clock."""
    file = file_or_404(file_id)
    module = module_of(file)
    if gone := elsewhere(file):
        return gone
    form = _asked(file, module)
    policy = form.policy()
    size = current_app.config["SETTINGS"].chunk_size
    try:
        if imports.starts_quickly(file):
            run = imports.start(file, module, policy, me(), largest_chunk=size)
            return go(url_for("runs.show", run_id=run.id))
        # The second of two clicks finds it left already, and is led to where the first one went.
        with suppress(LookupError):
            imports.leave_unstarted(file, module, policy, me())
    except (BadPolicy, BadMapping, Refused) as error:
        return _page(file, module, form, policy, refusal=error, status=422)
    return go(url_for("imports.starting", file_id=file_id))


def _form(file: ImportFile, module: Module, policy: Policy) -> PolicyForm:
    values = policy.to_json()
    data = {
        **values,
        "match": policy.match if policy.match and policy.match in file.mapping else NOTHING,
        "country": values["country"] or "",
        "owner": str(values["owner"] or ""),
        "tags": ", ".join(values["tags"]),
    }
    form = PolicyForm(data=data)
    form.setup(module, file.mapping, me())
    return form


def _asked(file: ImportFile, module: Module) -> PolicyForm:
    form = PolicyForm(MultiDict(request.form))
    form.setup(module, file.mapping, me())
    return form


def _page(
    file: ImportFile,
    module: Module,
    form: PolicyForm,
    policy: Policy,
    *,
    refusal: Exception | None = None,
    status: int = 200,
) -> Response:
    trial = None
    if refusal is None:
        try:
            trial = _tried(file, module, policy)
        except (BadPolicy, BadMapping, Refused, NotAllowed) as error:
            refusal, status = error, 422
    field = getattr(refusal, "field", "")
    if field in form:
        form[field].errors = [str(refusal)]
    return page_or_fragment(
        "imports/check.html",
        "imports/_trial.html",
        status,
        file=file,
        module=module,
        form=form,
        trial=trial,
        refusal=str(refusal) if refusal and field not in form else "",
        hindered=_hindered(file, refusal),
        warnings=imports.warnings(module, file.mapping, policy),
        mapped=sum(key is not None for key in file.mapping),
        doubled=doubled(file.mapping, module),
    )


def _hindered(file: ImportFile, refusal: Exception | None) -> str:
    """Why the clock could not start the import, unless the preview says just that."""
    problem = file.problem or "" if file.errand == "start" else ""
    return "" if problem == str(refusal) else problem


def _tried(file: ImportFile, module: Module, policy: Policy) -> Trial:
    found = imports.preview(file, module, policy, me(), sample=TRIED)
    return Trial(found, examples(found, module, me()))
