"""Change owner: give every record to one user, or spread the records evenly over several."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from wtforms import SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import ValidationError

from massadmin.auth.models import User
from massadmin.extensions import db
from massadmin.records.modules import Module
from massadmin.runs.action import Action, ActionForm
from massadmin.runs.chunk import Chunk
from massadmin.runs.put_back import put_back


class ChangeOwnerForm(ActionForm):
    """To whom."""

    owner = SelectMultipleField(
        "New owner",
        description="Choose several people to spread the records evenly over them.",
        validate_choice=False,
    )

    def setup(self, module: Module, user: User) -> None:
        """Offer everybody who is active."""
        people = db.session.execute(
            select(User.id, User.name, User.email).where(User.active).order_by(User.name)
        ).all()
        self.owner.choices = [
            SelectChoice(str(row.id), f"{row.name} ({row.email})") for row in people
        ]
        self._ids = {str(row.id): row.id for row in people}
        self._ids |= {row.email.lower(): row.id for row in people}
        self._names = {row.id: row.name for row in people}

    def validate_owner(self, field: SelectMultipleField) -> None:
        """Known, active people; the command line may name them by e-mail, comma-separated."""
        wanted = self._wanted()
        if not wanted:
            raise ValidationError("Choose at least one person.")
        unknown = [each for each in wanted if each.lower() not in self._ids]
        if unknown:
            raise ValidationError(f"There is no active user “{unknown[0][:60]}”.")

    def _wanted(self) -> list[str]:
        given = self.owner.data or []
        return [part.strip() for each in given for part in each.split(",") if part.strip()]

    def params(self) -> dict[str, Any]:
        """`{"owner": [user id, …], "names": [name, …]}`, each person once."""
        ids = list(dict.fromkeys(self._ids[each.lower()] for each in self._wanted()))
        return {"owner": ids, "names": [self._names[each] for each in ids]}


class ChangeOwner(Action):
    """Records go to the people in turn, by their place in the run, so that shares are even."""

    key, label, icon, permission = "change_owner", "Change owner", "user-round-pen", "assign"
    Form = ChangeOwnerForm
    unchanged = "Already theirs"

    def summary(self, params: dict[str, Any], module: Module) -> str:
        names = params["names"]
        if len(names) == 1:
            return f"Change owner to {names[0]}"
        return f"Spread over {', '.join(names[:-1])} and {names[-1]}"

    def apply(self, chunk: Chunk) -> None:
        owners = chunk.params["owner"]
        after = "jsonb_build_object('owner_id', new.owner_id)"
        if len(owners) == 1:
            # As a subquery it is made once, not for every record.
            after = "(SELECT jsonb_build_object('owner_id', (CAST(:owners AS integer[]))[1]))"
        chunk.succeed(
            f"""
            UPDATE {chunk.module.table.name} AS t
            SET owner_id = given.owner_id, updated_at = now()
            FROM (
                SELECT i.id, (CAST(:owners AS integer[]))[
                    1 + (:position + i.place - 1) % cardinality(CAST(:owners AS integer[]))
                ] AS owner_id
                FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS i (id, place)
            ) AS given
            WHERE t.id = given.id AND {chunk.reach()}
              AND t.owner_id IS DISTINCT FROM given.owner_id
            RETURNING t.id, NULL AS reason,
                jsonb_build_object('owner_id', old.owner_id) AS before,
                {after} AS after
            """,  # noqa: S608 - the table is the module's own, values are bound
            owners=owners,
            position=chunk.position,
        )

    def revert(self, chunk: Chunk) -> None:
        put_back(chunk)
