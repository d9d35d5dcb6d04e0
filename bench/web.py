"""Pages over HTTP: that of a list beside the same template with everything at hand, and that of
bulk actions beside itself with fewer of them."""

from __future__ import annotations

import statistics

from sqlalchemy import text

from bench.child import FROM_MEMORY, LIST
from bench.measuring import Bench, Row, at_most, measure, rows_of, seconds
from bench.processes import Visitor, rush, web
from bench.runs import first
from massadmin.cli.aside import SCHEMA, done, started
from massadmin.extensions import db

CONNECTIONS = 8
SECONDS = 5.0
VISITS = 30
FILTERED = f"{LIST}?f=status:is:Customer"


@measure
def requests(bench: Bench) -> list[Row]:
    """The page of a list, beside the same template from memory; answers per second and delays."""
    ours: list[float] = []
    peer: list[float] = []
    middles: list[float] = []
    lasts: list[float] = []
    bench.settle()
    # What is kept in memory is there in the process that made it.
    with web(processes=1) as (_, port):
        visitor = Visitor(port)
        visitor.sign_in()
        visitor.hang_up()
        rush(port, FILTERED, connections=CONNECTIONS, seconds=1)
        for number in range(bench.repeat):
            pages = [visitor.get(path)[1] for path in (FILTERED, FROM_MEMORY)]
            visitor.hang_up()
            if abs(len(pages[0]) - len(pages[1])) > len(pages[0]) // 100:
                raise RuntimeError(f"pages of {[len(page) for page in pages]} are not the same")
            for path in (FILTERED, FROM_MEMORY)[:: 1 if number % 2 == 0 else -1]:
                rate, took = rush(port, path, connections=CONNECTIONS, seconds=SECONDS)
                (ours if path == FILTERED else peer).append(rate)
                if path == FILTERED:
                    cuts = statistics.quantiles(took, n=100)
                    middles.append(cuts[49])
                    lasts.append(cuts[98])
    rate, other = statistics.median(ours), statistics.median(peer)
    middle, last = statistics.median(middles), statistics.median(lasts)
    return [
        Row(
            f"Page of a list of {bench.total:,}, {CONNECTIONS} connections, one web process",
            f"{rate:.0f} a second",
            f"{other:.0f} a second, the same template from memory",
            round(rate / other, 2),
            "≥ 0.6×",
            rate >= 0.6 * other,
        ),
        Row(
            "Its slowest answer in a hundred",
            f"{last * 1_000:.0f} ms",
            f"{middle * 1_000:.0f} ms, the middle one",
            round(last / middle, 2),
            "≤ 3×",
            last <= 3 * middle,
        ),
    ]


@measure
def history(bench: Bench) -> list[Row]:
    """The page of bulk actions with 5,000 of them, beside the same with 50."""
    done(started(bench.user, "add_tags", {"tags": bench.mark()}, first(1), expected=1))
    with web() as (_, port):
        visitor = Visitor(port)
        visitor.sign_in()

        def page(runs: int) -> list[float]:
            _repeat_runs(runs)
            bench.settle()
            visitor.get("/runs")
            return [seconds(lambda: visitor.get("/runs")) for _ in range(VISITS)]

        few, many = page(50), page(5_000)
    return [at_most("The page of 5,000 bulk actions", many, few, 1.3, "of 50")]


def _repeat_runs(total: int) -> None:
    """Copy the one run that there is, with its chunk, until there are `total`."""
    copied = {
        table: ", ".join(
            row[0]
            for row in rows_of(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = :schema"
                " AND table_name = :table AND NOT column_name = ANY(:but) ORDER BY 1",
                schema=SCHEMA,
                table=table,
                but=["id", "run_id", "idempotency_key"],
            )
        )
        for table in ("runs", "run_chunks")
    }
    db.session.execute(
        text(
            f"""
            WITH old AS (SELECT min(id) AS id, count(*) AS there FROM runs), new AS (
                INSERT INTO runs (idempotency_key, {copied["runs"]})
                SELECT gen_random_uuid(), {copied["runs"]}
                FROM runs NATURAL JOIN old, generate_series(there + 1, :total) RETURNING id
            )
            INSERT INTO run_chunks (run_id, {copied["run_chunks"]})
            SELECT new.id, {copied["run_chunks"]} FROM new, run_chunks
            WHERE run_id = (SELECT id FROM old)
            """
        ),
        {"total": total},
    )
    db.session.commit()
