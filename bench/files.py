"""Export and import beside COPY, and beside django-import-export."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import tablib

from bench import peers
from bench.measuring import Bench, Row, at_most, faster, measure, rows_of, seconds
from bench.runs import at_once, bare, do
from massadmin import imports
from massadmin.cli.aside import started
from massadmin.cli.console import settings_now
from massadmin.records.modules import get_module

COLUMNS = ("email", "first_name", "last_name", "phone", "company_name", "status", "city", "country")
IMPORTED = 100_000
BY_FRAMEWORK = 5_000


@measure
def export(bench: Bench) -> list[Row]:
    """Export every contact as CSV, beside COPY of the same columns."""
    path = bench.folder / "copied.csv"

    def ours() -> None:
        params = {"columns": ",".join(COLUMNS), "format": "csv"}
        do(started(bench.user, "export", params, expected=bench.total), bench.total)

    def peer() -> None:
        sql = (
            f"COPY (SELECT {', '.join(COLUMNS)} FROM contacts WHERE deleted_at IS NULL"
            " ORDER BY id) TO STDOUT (FORMAT csv, HEADER)"
        )
        with bare() as connection, path.open("wb") as file:
            with connection.cursor().copy(sql) as blocks:
                for block in blocks:
                    file.write(block)
            file.flush()
            os.fsync(file.fileno())

    mine, theirs = bench.alternate(lambda: seconds(ours), lambda: seconds(peer))
    name = f"Export {len(COLUMNS)} columns of {bench.total:,} contacts as CSV, with results"
    return [at_most(name, mine, theirs, 1.1, "COPY of the same columns")]


@dataclass
class Files:
    """Files of contacts of which every other one exists, with a company that nobody has yet."""

    folder: Path
    last_id: int
    numbers: Callable[[], int]

    @classmethod
    def of(cls, bench: Bench) -> Files:
        last_id = rows_of("SELECT max(id) FROM contacts")[0][0]
        return cls(bench.folder, last_id, count(1).__next__)

    def write(self, rows: int) -> Path:
        """A new file of so many rows."""
        number = self.numbers()
        known = rows_of(
            f"SELECT {', '.join(COLUMNS)} FROM contacts"
            " WHERE email IS NOT NULL AND id <= :last ORDER BY id LIMIT :rows",
            last=self.last_id,
            rows=-(-rows // 2),
        )
        path = self.folder / f"people-{number}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in known:
                told = dict(row._mapping) | {"company_name": f"Bench {number} Ltd"}
                writer.writerow(told.values())
                writer.writerow((told | {"email": f"new{number}.{told['email']}"}).values())
        return path

    def forget(self) -> None:
        """Take back what was created."""
        at_once(f"DELETE FROM contacts WHERE id > {self.last_id}")


def _import(bench: Bench, path: Path, rows: int) -> None:
    module = get_module("contacts")
    staged = imports.stage(path, path.name, module, bench.user)
    policy = imports.default_policy(staged.mapping)
    largest = settings_now().chunk_size
    do(imports.start(staged, module, policy, bench.user, largest_chunk=largest), rows)


def _copy_and_upsert(path: Path) -> None:
    columns = ", ".join(COLUMNS)
    others = [column for column in COLUMNS if column != "email"]
    with bare() as connection:
        connection.execute(
            f"CREATE TEMPORARY TABLE given ({' text, '.join(COLUMNS)} text) ON COMMIT DROP"
        )
        with connection.cursor().copy("COPY given FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())
        connection.execute("ANALYZE given")
        connection.execute(
            f"UPDATE contacts AS t SET {', '.join(f'{each} = g.{each}' for each in others)},"
            " updated_at = now() FROM given AS g"
            " WHERE lower(t.email) = lower(g.email) AND t.deleted_at IS NULL"
        )
        connection.execute(
            f"INSERT INTO contacts ({columns}) SELECT {columns} FROM given AS g WHERE NOT EXISTS"
            " (SELECT FROM contacts AS t"
            " WHERE lower(t.email) = lower(g.email) AND t.deleted_at IS NULL)"
        )
        connection.commit()


def _by_framework(path: Path) -> float:
    resource = peers.contact_resource(COLUMNS)()
    began = time.perf_counter()
    with path.open(newline="", encoding="utf-8") as file:
        dataset = tablib.Dataset().load(file, format="csv")
    resource.import_data(dataset, raise_errors=True)
    return time.perf_counter() - began


@measure
def import_csv(bench: Bench) -> list[Row]:
    """Import a file, beside COPY and an upsert; half of its rows exist already."""
    rows = min(IMPORTED, bench.total) // 2 * 2
    files = Files.of(bench)

    def given(work: Callable[[Path], None]) -> Callable[[], float]:
        def turn() -> float:
            path = files.write(rows)
            return seconds(lambda: work(path))

        return turn

    ours, peer = bench.alternate(
        given(lambda path: _import(bench, path, rows)),
        given(_copy_and_upsert),
        after=files.forget,
    )
    name = f"Import a CSV of {rows:,}, with validation, results and undo"
    return [at_most(name, ours, peer, 2, "COPY and an upsert, no questions asked")]


@measure
def import_framework(bench: Bench) -> list[Row]:
    """Import a file, beside django-import-export in bulk mode."""
    rows, fewer = min(IMPORTED, bench.total) // 2 * 2, min(BY_FRAMEWORK, bench.total) // 2 * 2
    files = Files.of(bench)
    _by_framework(files.write(100))
    files.forget()

    def ours() -> float:
        path = files.write(rows)
        return seconds(lambda: _import(bench, path, rows)) / rows

    def peer() -> float:
        return _by_framework(files.write(fewer)) / fewer

    mine, theirs = bench.alternate(ours, peer, after=files.forget)
    said = f"django-import-export in bulk mode ({fewer:,} rows)"
    return [faster("The same import", mine, theirs, 30, said)]
