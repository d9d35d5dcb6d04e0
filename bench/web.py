"""The page of a list over HTTP, beside the same template with everything at hand."""

from __future__ import annotations

import statistics

from bench.child import FROM_MEMORY, LIST
from bench.measuring import Bench, Row, measure
from bench.processes import Visitor, rush, web

CONNECTIONS = 8
SECONDS = 5.0
FILTERED = f"{LIST}?f=status:is:Customer"


@measure
def requests(bench: Bench) -> list[Row]:
    """The page of a list, beside the same template from memory; answers per second and delays."""
    ours: list[float] = []
    peer: list[float] = []
    middles: list[float] = []
    lasts: list[float] = []
    bench.settle()
    with web() as (_, port):
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
