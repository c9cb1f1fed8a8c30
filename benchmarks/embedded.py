"""How fast the embedded cloud is: messages through its queue, logs into its logstore, queries over them.

    python -m benchmarks.embedded [--messages N] [--groups N] [--sizes 100000 1000000] [--runs 5] [--quick]
                                  [--json FILE]

`traffic.py` and `searching.py` do the work. The cloud is a process as `sink local` starts it, new for each of
the three parts, on the same cores as who asks. Ten million records take their time: name them by `--sizes`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.bodies import event_bodies
from benchmarks.command import conclude, parser_of
from benchmarks.growth import Panel, growth
from benchmarks.results import Machine, Results, Row
from benchmarks.searching import FILL, encoded, puts, queries
from benchmarks.tables import Figures
from benchmarks.traffic import messages
from benchmarks.verify import furnished_cloud
from sink.cli.terminal import table_console

_MESSAGE_COLUMNS = ("", "connections", "messages", "sent/s", "received/s", "deleted/s", "all three/s")
_PUT_COLUMNS = ("", "connections", "logs", "requests/s", "logs/s", "least", "most")
_FILL_COLUMNS = ("", "records", "stored/s", "searchable/s")
_QUERY_COLUMNS = ("", "records", "ms", "least", "most", "rows")


def measure(options: argparse.Namespace, console: Console) -> Results:
    """Measure all three parts."""
    bodies = event_bodies(time.time())
    with console.status("messages through the queue"), furnished_cloud() as url:
        carried = messages(url, bodies, options.messages, options.runs)
    with console.status("logs into the logstore"), furnished_cloud() as url:
        put = puts(url, encoded(bodies), options.groups, options.runs)
    with console.status("queries"), furnished_cloud() as url:
        asked = list(queries(url, bodies, options.sizes, options.runs))
    return Results(Machine.this(), {"messages": carried, "puts": put, "queries": asked})


def tables(results: Results) -> list[Figures]:
    """What it came to."""
    asked = results.parts["queries"]
    fills = [row for row in asked if row.subject == FILL]
    questions = sorted(
        (row for row in asked if row.subject != FILL), key=lambda row: (_place(row, asked), row.events)
    )
    return [
        Figures("messages", _MESSAGE_COLUMNS, [_message_cells(row) for row in results.parts["messages"]]),
        Figures("logs", _PUT_COLUMNS, [_put_cells(row) for row in results.parts["puts"]]),
        Figures("filling a logstore", _FILL_COLUMNS, [_fill_cells(row) for row in fills]),
        Figures("queries", _QUERY_COLUMNS, [_query_cells(row) for row in questions]),
    ]


def picture(results: Results) -> Figure:
    """Queries and the filling by the number of records."""
    asked = results.parts["queries"]
    fills = [row for row in asked if row.subject == FILL]
    panels = [
        Panel("queries", "milliseconds", "ms", [row for row in asked if row.subject != FILL]),
        Panel("filling, until searchable", "searchable_per_second", "records/s", fills, over_zero=True),
    ]
    return growth("The embedded cloud's logstore as it grows", panels, results.machine, "records")


def _place(row: Row, rows: Sequence[Row]) -> int:
    return [other.subject for other in rows].index(row.subject)


def _message_cells(row: Row) -> list[str]:
    steps = (f"{step}_per_second" for step in ("send", "receive", "delete", "all"))
    rates = [f"{row.median(step):,.0f}" for step in steps]
    return [row.subject, f"{row.condition:g}", f"{row.events:,}", *rates]


def _put_cells(row: Row) -> list[str]:
    least, most = row.span("logs_per_second")
    rates = (row.median("requests_per_second"), row.median("logs_per_second"), least, most)
    return [row.subject, f"{row.condition:g}", f"{row.events:,}", *(f"{rate:,.0f}" for rate in rates)]


def _fill_cells(row: Row) -> list[str]:
    rates = (row.median("logs_per_second"), row.median("searchable_per_second"))
    return ["four connections", f"{row.events:,}", *(f"{rate:,.0f}" for rate in rates)]


def _query_cells(row: Row) -> list[str]:
    least, most = row.span("milliseconds")
    times = [f"{value:,.0f}" for value in (row.median("milliseconds"), least, most)]
    return [row.subject, f"{row.events:,}", *times, f"{row.median('rows'):.0f}"]


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("embedded", __doc__)
    add = parser.add_argument
    add("--messages", type=int, default=16_000, help="through the queue, on four connections")
    add("--groups", type=int, default=100, help="PutLogs of each size")
    add("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], metavar="N", help="records to search")
    add("--runs", type=int, default=5, help="of which the medians are shown")
    options = parser.parse_args(arguments)
    if options.quick:
        options.messages, options.groups, options.sizes, options.runs = 640, 8, [1000, 3000], 1
    return options


def main(arguments: Sequence[str]) -> None:
    """Measure, show, keep."""
    options, console = read_options(arguments), table_console()
    results = measure(options, console)
    conclude(results, tables(results), options.json, console)


if __name__ == "__main__":
    main(sys.argv[1:])
