"""The sidebar: entries that page files declare, shown to those who may use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_login import current_user

from massadmin.auth import User


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the sidebar. `badge(user)` counts what goes on there and must be quick; 0 hides
    it. `key` is the shortcut, such as `g b`. `arguments` complete the address where one endpoint
    serves several entries. Entries stand in `order`."""

    label: str
    endpoint: str
    icon: str
    order: int
    permission: str = ""
    key: str = ""
    badge: Callable[[User], int] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return "-".join(
            ["nav", self.endpoint.partition(".")[0], *map(str, self.arguments.values())]
        )

    @property
    def url(self) -> str:
        return url_for(self.endpoint, **self.arguments)

    @property
    def current(self) -> bool:
        given = request.view_args or {}
        return request.blueprint == self.endpoint.rpartition(".")[0] and all(
            given.get(name, value) == value for name, value in self.arguments.items()
        )

    def count(self) -> int:
        return self.badge(current_user) if self.badge else 0


def init_app(app: Flask, entries: Sequence[Entry]) -> None:
    app.extensions["nav"] = sorted(entries, key=lambda each: (each.order, each.label))
    app.jinja_env.globals["navigation"] = navigation


def navigation() -> list[Entry]:
    """The entries of the person who is signed in."""
    return [
        each
        for each in current_app.extensions["nav"]
        if not each.permission or current_user.can(each.permission)
    ]
