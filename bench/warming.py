"""Warming up: everything loaded and planned once, and the tables worn as they are in use."""

from __future__ import annotations

from bench.measuring import Bench
from bench.runs import chunked, chunks, do, first
from bench.writes import SET_SOURCE
from massadmin.cli.aside import started

FEW = 200


def warm(bench: Bench) -> None:
    """Do every kind of run to a few contacts, and update all of them once, so that the free room
    in the table is what it will be from then on."""
    for key, params in (
        ("update_fields", {"set.source": bench.mark()}),
        ("add_tags", {"tags": bench.mark()}),
        ("export", {"columns": "email", "format": "csv"}),
    ):
        do(started(bench.user, key, params, first(FEW)), FEW)
    chunked(SET_SOURCE, chunks(bench.total), value=bench.mark())
    bench.settle()
