"""The tables of the throughput benchmark: by latency, of the growth with size, and by number of processes."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Results, Row
from benchmarks.rivals import REFERENCE, RIVALS
from benchmarks.tables import Figures

COLUMNS = (
    "", "events", "events/s", "least", "most", "ratio", "CPU ms/event", "requests/event", "peak MB",
    "core", "server's",
)  # fmt: skip
GROWTH_COLUMNS = ("", "events", "events/s", "CPU ms/event", "peak MB")
PROCESSES_COLUMNS = (
    "processes",
    "events",
    "events/s",
    "times one's",
    "CPU ms/event",
    "peak MB",
    "cores",
    "server's",
)


def tables(results: Results) -> list[Figures]:
    """All of them."""
    rows = results.parts["latency"]
    found = [
        Figures(title_of(latency), COLUMNS, [_cells(row, rows) for row in rows if row.condition == latency])
        for latency in latencies(rows)
    ]
    growth = sorted(results.parts["growth"], key=lambda row: (list(RIVALS).index(row.subject), row.events))
    grown = [Figures("growth with size, no latency", GROWTH_COLUMNS, [_growth_cells(row) for row in growth])]
    several = results.parts.get("processes", [])
    spread = [
        Figures(
            "the sink in several processes",
            PROCESSES_COLUMNS,
            [_spread_cells(row, several) for row in several],
        )
    ]
    return found + grown * bool(growth) + spread * bool(several)


def latencies(rows: Sequence[Row]) -> list[float]:
    """Which there are, in order."""
    return sorted({row.condition for row in rows})


def title_of(latency_ms: float) -> str:
    """The heading over a latency's figures."""
    return f"{latency_ms:g} ms round trip" if latency_ms else "no latency"


def ratio(row: Row, rows: Sequence[Row]) -> float | None:
    """Its events/s in terms of the reference's at the same latency; None where that did not run."""
    for other in rows:
        if other.subject == REFERENCE and other.condition == row.condition:
            return row.times(other, "events_per_second")
    return None


def _cells(row: Row, rows: Sequence[Row]) -> list[str]:
    least, most = row.span("events_per_second")
    times = ratio(row, rows)
    return [
        row.subject,
        f"{row.events:,}",
        f"{row.median('events_per_second'):,.0f}",
        f"{least:,.0f}",
        f"{most:,.0f}",
        "" if times is None else f"{times:.2g}",
        f"{row.median('cpu_ms_per_event'):.3f}",
        f"{row.median('requests_per_event'):.3f}",
        f"{row.median('peak_megabytes'):.0f}",
        f"{row.median('cpu_share'):.0%}",
        f"{row.median('server_cpu_share'):.0%}",
    ]


def _growth_cells(row: Row) -> list[str]:
    return [
        row.subject,
        f"{row.events:,}",
        f"{row.median('events_per_second'):,.0f}",
        f"{row.median('cpu_ms_per_event'):.3f}",
        f"{row.median('peak_megabytes'):.0f}",
    ]


def _spread_cells(row: Row, rows: Sequence[Row]) -> list[str]:
    """A row with its ratio to the first one, which has the fewest processes."""
    return [
        f"{row.condition:g}",
        f"{row.events:,}",
        f"{row.median('events_per_second'):,.0f}",
        f"{row.times(rows[0], 'events_per_second'):.2f}",
        f"{row.median('cpu_ms_per_event'):.3f}",
        f"{row.median('peak_megabytes'):.0f}",
        f"{row.median('cpu_share'):.0%}",
        f"{row.median('server_cpu_share'):.0%}",
    ]
