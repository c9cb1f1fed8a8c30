"""Time the analysis beside the plain DuckDB query that it should not be much slower than.

Run by hand, `python -m benchmarks.analysis [EVENTS …]`, by default with a hundred thousand and a million. For
each size it generates JSON lines of CloudMonitor bodies, then runs in processes of their own, so that each
has its own peak of memory: the reference, one SQL query from those lines to one row an instance (first,
last, stops, seconds running), and the analysis, from the same lines to lifetimes, stays and interruption
rates. They run in turn, three times; the table has the medians.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import duckdb
from rich.console import Console
from rich.table import Table

from sink.analysis.generator import write_bodies
from sink.analysis.lives import lifetimes_and_intervals
from sink.analysis.loading import load_events
from sink.analysis.rates import interruption_rates

RUNS = 3

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


def run_alone(name: str, path: Path) -> tuple[float, float, int]:
    """Seconds, peak in MB, and instances, of one contestant in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.analysis", name, str(path)]
    seconds, megabytes, lives = subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.split()
    return float(seconds), float(megabytes), int(lives)


def medians(path: Path) -> dict[str, tuple[float, float, int]]:
    """The median of each figure over some runs, the contestants in turn: a shared machine drifts."""
    runs = [{name: run_alone(name, path) for name in CONTESTANTS} for _ in range(RUNS)]
    return {
        name: (
            median(run[name][0] for run in runs),
            median(run[name][1] for run in runs),
            runs[0][name][2],
        )
        for name in CONTESTANTS
    }


def measure(name: str, path: Path) -> str:
    """Run a contestant here; what `run_alone` reads."""
    began = time.perf_counter()
    lives = CONTESTANTS[name](path)
    seconds = time.perf_counter() - began
    return f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024} {lives}"


def compare(sizes: list[int], console: Console) -> None:
    """Print a table, one row a size and contestant."""
    table = Table("events", "file MB", "", "seconds", "times reference", "peak MB", "instances", box=None)
    with TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / f"{size}.jsonl"
            with console.status(f"generating {size:,} events"):
                generate(path, size)
            with console.status(f"timing {size:,} events"):
                results = medians(path)
            for name, (seconds, megabytes, lives) in results.items():
                ratio = seconds / results["reference"][0]
                figures = (f"{seconds:.2f}", f"{ratio:.2f}", f"{megabytes:,.0f}", f"{lives:,}")
                table.add_row(f"{size:,}", f"{path.stat().st_size / 1e6:,.0f}", name, *figures)
            path.unlink()
    console.print(table)


def generate(path: Path, size: int) -> None:
    """Write the events; the same at every run."""
    write_bodies(path, seed=1, events=size)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in CONTESTANTS:
        sys.stdout.write(measure(sys.argv[1], Path(sys.argv[2])))
    else:
        compare([int(size) for size in sys.argv[1:]] or [100_000, 1_000_000], Console())
