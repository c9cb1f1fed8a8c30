"""The analysis beside the plain DuckDB query that it should not be much slower than.

    python -m benchmarks.analysis [--sizes 100000 1000000] [--runs 3] [--quick] [--json FILE]

For each size it generates JSON lines of CloudMonitor bodies, the same at every run. Then run, in processes
of their own, so that each has its own peak of memory: the reference, one SQL query from those lines to one
row an instance (first, last, stops, seconds running), and the analysis, from the same lines to lifetimes,
stays and interruption rates. All in turn, because a shared machine drifts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.command import conclude, parser_of
from benchmarks.growth import Panel, growth
from benchmarks.results import Machine, Results, Row
from benchmarks.tables import Figures
from sink.analysis.generator import write_bodies
from sink.analysis.lives import lifetimes_and_intervals
from sink.analysis.loading import load_events
from sink.analysis.rates import interruption_rates
from sink.cli.terminal import table_console

_COLUMNS = ("", "events", "file MB", "seconds", "least", "most", "times reference", "peak MB", "instances")

REFERENCE = """
WITH event AS (
    SELECT content.resourceId AS instance, content.state AS state,
           epoch_ms(strptime(eventTime, '%Y%m%dT%H%M%S.%g%z')) AS ms
    FROM read_json('{}', format = 'newline_delimited', columns = {{
        eventTime: 'VARCHAR', name: 'VARCHAR', content: 'STRUCT(resourceId VARCHAR, state VARCHAR)'}})
    WHERE name = 'Instance:StateChange'),
stay AS (SELECT *, lead(ms) OVER (PARTITION BY instance ORDER BY ms) - ms AS lasted FROM event)
SELECT instance, min(ms), max(ms), count(*) FILTER (state = 'Stopped'),
       sum(lasted) FILTER (state = 'Running') / 1000
FROM stay GROUP BY instance
"""


def reference(path: Path) -> int:
    """Run the plain query; gives the number of instances."""
    return len(duckdb.connect().execute(REFERENCE.format(path)).df())


def analysis(path: Path) -> int:
    """Load, find lives and stays, and rate them; gives the number of instances."""
    events = load_events(path).events
    as_of = int(events["event_time_ms"].max())
    life, _ = lifetimes_and_intervals(events, as_of)
    interruption_rates(life, by=["zone", "type"])
    return len(life)


CONTESTANTS: dict[str, Callable[[Path], int]] = {"reference": reference, "analysis": analysis}


def run_alone(name: str, path: Path) -> dict[str, float]:
    """The figures of one contestant, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.analysis", "--alone", name, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes, lives = map(float, done.stdout.split())
    return {
        "seconds": seconds,
        "peak_megabytes": megabytes,
        "instances": lives,
        "file_megabytes": path.stat().st_size / 1e6,
    }


def alone(name: str, path: Path) -> str:
    """Run a contestant here; what `run_alone` reads."""
    began = time.perf_counter()
    lives = CONTESTANTS[name](path)
    seconds = time.perf_counter() - began
    return f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024} {lives}"


def compare(size: int, runs: int, console: Console) -> Iterator[Row]:
    """Both over so many events."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with console.status(f"generating {size:,} events"):
            write_bodies(path, seed=1, events=size)
        with console.status(f"timing {size:,} events"):
            rounds = [{name: run_alone(name, path) for name in CONTESTANTS} for _ in range(runs)]
    for name in CONTESTANTS:
        yield Row(name, 0, size, [figures[name] for figures in rounds])


def measure(options: argparse.Namespace, console: Console) -> Results:
    """Measure at every size."""
    rows = [row for size in options.sizes for row in compare(size, options.runs, console)]
    return Results(Machine.this(), {"analysis": rows})


def tables(results: Results) -> list[Figures]:
    """What it came to."""
    rows = results.parts["analysis"]
    return [Figures("analysis", _COLUMNS, [_cells(row, rows) for row in rows])]


def picture(results: Results) -> Figure:
    """Time and memory by size."""
    rows = results.parts["analysis"]
    panels = [
        Panel("time", "seconds", "seconds", rows),
        Panel("memory", "peak_megabytes", "peak MB", rows, over_zero=True),
    ]
    title = "The analysis beside one plain DuckDB query over the same events"
    return growth(title, panels, results.machine, "events")


def _cells(row: Row, rows: Sequence[Row]) -> list[str]:
    (reference,) = (one for one in rows if (one.subject, one.events) == ("reference", row.events))
    times = (row.median("seconds"), *row.span("seconds"), row.median("seconds") / reference.median("seconds"))
    return [
        row.subject,
        f"{row.events:,}",
        f"{row.median('file_megabytes'):,.0f}",
        *(f"{one:.2f}" for one in times),
        f"{row.median('peak_megabytes'):,.0f}",
        f"{row.median('instances'):,.0f}",
    ]


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("analysis", __doc__)
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], metavar="N", help="events")
    add("--runs", type=int, default=3, help="of which the medians are shown")
    add("--alone", nargs=2, metavar=("WHO", "FILE"), help="run one contestant here, and print its figures")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sizes, options.runs = [3000], 1
    return options


def main(arguments: Sequence[str]) -> None:
    """Measure, show, keep; or run one of them."""
    options, console = read_options(arguments), table_console()
    if options.alone:
        sys.stdout.write(alone(options.alone[0], Path(options.alone[1])))
        return
    results = measure(options, console)
    conclude(results, tables(results), options.json, console)


if __name__ == "__main__":
    main(sys.argv[1:])
