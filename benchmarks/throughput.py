"""How fast the sink empties a queue, beside others that do the same work.

    python -m benchmarks.throughput [--events N] [--runs 5] [--latency 0 5 20] [--only sink engineer]
                                    [--sizes N …] [--processes N …] [--quick] [--json FILE]
    python -m benchmarks.throughput --picture docs/throughput.png --json FILE
    python -m benchmarks.throughput --profile [--events N] [--latency MS]
    python -m benchmarks.throughput --verify

Each rival runs in a process of its own on one core, against a canned server on another; all of them in turn,
as many times as there are runs, so that a machine that grows slower does so for all. Every run proves that
each event was stored and deleted once (`measure.py`); that signatures and records are right is proved
apart, on the embedded cloud (`verify.py`). With `--processes` the sink alone runs in several, too, which have
all cores together with the server.
"""

from __future__ import annotations

import argparse
import pstats
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress, TaskID

from benchmarks.bodies import event_bodies
from benchmarks.command import conclude, parser_of
from benchmarks.comparison import tables
from benchmarks.measure import CannedServer, canned_server, cores, run_rival
from benchmarks.picture import save, throughput
from benchmarks.results import Machine, Results, Row
from benchmarks.rivals import RIVALS, Rival, sink_in
from benchmarks.verify import verify
from sink.cli.terminal import table_console

GROWING = ("engineer", "sink")
"""Who is measured at every size."""
VERIFIED = 800
"""Events that each rival stores on the embedded cloud."""
TOP = 30
"""Lines of a profile."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one row is measured under."""

    rival: Rival
    latency_ms: float
    events: int


def measure(conditions: Sequence[Condition], runs: int, server: CannedServer, tick: _Tick) -> list[Row]:
    """Run all of them in turn, so many times. Raises BenchmarkError."""
    found: list[list[dict[str, float]]] = [[] for _ in conditions]
    for _ in range(runs):
        for condition, samples in zip(conditions, found, strict=True):
            tick.next(condition)
            sample = run_rival(condition.rival, server, condition.events, condition.latency_ms)
            samples.append(sample.figures)
    return [
        Row(condition.rival.name, condition.latency_ms, condition.events, samples)
        for condition, samples in zip(conditions, found, strict=True)
    ]


class _Tick:
    """What is seen while it runs."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("", total=total)

    def next(self, condition: Condition) -> None:
        """Another run begins."""
        text = f"{condition.rival.name}, {condition.events:,} events, {condition.latency_ms:g} ms"
        self._progress.update(self._task, advance=1, description=text)


def spread(rows: Sequence[Row], conditions: Sequence[Condition]) -> list[Row]:
    """The same rows by the number of processes."""
    return [
        replace(row, condition=condition.rival.processes)
        for row, condition in zip(rows, conditions, strict=True)
    ]


def compare(options: argparse.Namespace, console: Console) -> Results:
    """Measure what the options name."""
    rivals = [RIVALS[name] for name in options.only]
    conditions = [
        Condition(rival, latency, rival.events(options.events, latency))
        for latency in options.latency
        for rival in rivals
    ]
    growing = [
        Condition(rival, 0, rival.events(size, 0))
        for size in options.sizes
        for rival in rivals
        if rival.name in GROWING
    ]
    several = [Condition(sink_in(number), 0, options.events) for number in options.processes]
    with canned_server() as server, Progress(console=console, transient=True) as progress:
        tick = _Tick(progress, options.runs * len(conditions + growing + several))
        rows = measure(conditions, options.runs, server, tick)
        growth = measure(growing, options.runs, server, tick)
        spread_out = spread(measure(several, options.runs, server, tick), several)
    return Results(Machine.this(), {"latency": rows, "growth": growth, "processes": spread_out})


def prove(console: Console) -> None:
    """Let every rival store some hundred events on the embedded cloud. Raises BenchmarkError."""
    bodies = event_bodies(time.time())[:VERIFIED]
    for rival in RIVALS.values():
        with console.status(rival.title):
            verify(rival, bodies)
        console.print(f"{rival.name} stored each of {len(bodies):,} events once")


def profile(events: int, latency_ms: float, console: Console) -> None:
    """Run the sink under a profiler and print where its CPU time goes."""
    with TemporaryDirectory() as folder, canned_server() as server:
        path = Path(folder) / "sink.profile"
        arguments = ["-m", "benchmarks.profiled", str(path), "run", "--drain"]
        sink = replace(RIVALS["sink"], arguments=lambda url: arguments)
        sample = run_rival(sink, server, sink.events(events, latency_ms), latency_ms)
        cpu = sample.figures["cpu_ms_per_event"]
        console.print(f"{sample.events:,} events at {cpu:.3f} ms of CPU each, the profiler's own included")
        stats = pstats.Stats(str(path))
        stats.sort_stats("tottime").print_stats(TOP)
        stats.sort_stats("cumulative").print_stats(TOP)


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("throughput", __doc__)
    add = parser.add_argument
    add("--events", type=int, default=30_000, help="for each rival, fewer for the slow ones")
    add("--runs", type=int, default=5, help="of which the medians are shown")
    add("--latency", type=float, nargs="+", default=[0, 5, 20], metavar="MS", help="a request's round trip")
    add("--only", nargs="+", choices=RIVALS, default=list(RIVALS), help="the rivals that run")
    add("--sizes", type=int, nargs="*", default=[], metavar="N", help="also without latency at these sizes")
    add(
        "--processes", type=int, nargs="*", default=[], metavar="N", help="also the sink in so many processes"
    )
    add("--picture", type=Path, help="draw the results of the --json file, and measure nothing")
    add("--verify", action="store_true", help="let every rival do its work on the embedded cloud")
    add("--profile", action="store_true", help="run the sink alone, under cProfile")
    options = parser.parse_args(arguments)
    if options.picture and not options.json:
        parser.error("--picture draws the results of a file: name it with --json")
    if options.quick:
        options.events, options.runs, options.latency = 960, 1, [0, 5]
    return options


def main(arguments: Sequence[str]) -> None:
    """Measure, show and keep; or what else the options ask for."""
    options, console = read_options(arguments), table_console()
    if options.verify:
        prove(console)
    elif options.profile:
        profile(options.events, options.latency[0], console)
    elif options.picture:
        save(throughput(Results.load(options.json)), options.picture)
    else:
        show(compare(options, console), options.json, console)


def show(results: Results, path: Path | None, console: Console) -> None:
    """Print the results, and keep them where a file is named."""
    remark = "\nRatios of events/s to the engineer's version."
    if len(cores()) < 2:
        remark += "\nOnly one core: rival and server had to share it, and the figures are of both together."
    conclude(results, tables(results), path, console, remark)


if __name__ == "__main__":
    main(sys.argv[1:])
