"""The results of the throughput benchmark as tables: on a terminal, and in Markdown for the page.

Both show the same cells. A figure is the median of the runs; of events/s the least and the most stand beside
it, because that is where a noisy machine shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich import box
from rich.table import Table

from benchmarks.results import Results, Row
from benchmarks.rivals import RIVALS

COLUMNS = ("", "events", "events/s", "least", "most", "ratio", "CPU ms/event", "requests/event", "peak MB",
           "core", "server's")  # fmt: skip


def cells(results: Results, row: Row) -> list[str]:
    """One row of the table of a latency."""
    least, most = row.span("events_per_second")
    ratio = results.ratio(row, "events_per_second")
    return [
        row.rival,
        f"{row.events:,}",
        f"{row.median('events_per_second'):,.0f}",
        f"{least:,.0f}",
        f"{most:,.0f}",
        "" if ratio is None else f"{ratio:.2g}",
        f"{row.median('cpu_ms_per_event'):.3f}",
        f"{row.median('requests_per_event'):.3f}",
        f"{row.median('peak_megabytes'):.0f}",
        f"{row.median('cpu_share'):.0%}",
        f"{row.median('server_cpu_share'):.0%}",
    ]


def title_of(latency_ms: float) -> str:
    """The heading over a latency's table."""
    return f"{latency_ms:g} ms round trip" if latency_ms else "no latency"


def terminal_tables(results: Results) -> list[Table]:
    """One table a latency, and one of the growth with size."""
    tables = [
        _terminal(title_of(latency), COLUMNS, [cells(results, row) for row in results.at(latency)])
        for latency in results.latencies
    ]
    if results.growth:
        tables.append(_terminal("growth with size, no latency", GROWTH_COLUMNS, growth_cells(results.growth)))
    return tables


GROWTH_COLUMNS = ("", "events", "events/s", "CPU ms/event", "peak MB")


def growth_cells(rows: Iterable[Row]) -> list[list[str]]:
    """The rows of the table of growth, rival by rival, by size."""
    ordered = sorted(rows, key=lambda row: (list(RIVALS).index(row.rival), row.events))
    return [
        [
            row.rival,
            f"{row.events:,}",
            f"{row.median('events_per_second'):,.0f}",
            f"{row.median('cpu_ms_per_event'):.3f}",
            f"{row.median('peak_megabytes'):.0f}",
        ]
        for _, group in groupby(ordered, key=lambda row: row.rival)
        for row in group
    ]


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown: the first column to the left, figures to the right.

    >>> print(markdown(["", "n"], [["sink", "1"]]))
    |  | n |
    |:--|--:|
    | sink | 1 |
    """
    lines = [columns, *rows]
    ruled = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([ruled[0], "|:--|" + "--:|" * (len(columns) - 1), *ruled[1:]])


def _terminal(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        table.add_row(*row)
    return table
