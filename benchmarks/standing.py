"""What a sink costs while nothing happens, and how soon it is there.

    python -m benchmarks.standing [--runs 5] [--seconds 30] [--quick] [--json FILE]

The command line's help; `sink run` until it says that it receives, on a new folder, where it starts the
embedded cloud too, and on one whose cloud runs already, both with the actions of the shipped `config.ini`.
Then sinks that wait over empty queues, at true speed: CPU and memory of the process, and what it asked, by
the embedded cloud's own journal. Commands run once before the clock does, so that nothing is compiled.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.clocks import cpu_seconds, resident_megabytes, wakes
from benchmarks.command import conclude, parser_of
from benchmarks.measure import BenchmarkError, environment
from benchmarks.results import Machine, Results, Row
from benchmarks.running import log_of, running_sink
from benchmarks.spans import Span, spans
from benchmarks.tables import Figures
from sink.cli.terminal import table_console
from sink.local.embedded import attach
from sink.local.folder import FolderInUse, locked
from tests.faults import requests

READY = b"goes into the logstore"
"""What `sink run` says when it receives."""
RECEIVERS = 2
"""For each queue, as `config.ini` is shipped."""
LONG_POLL_SECONDS = 30
BOUNDS = {"sink --help": 0.3, "sink run, and its cloud": 1.5, "sink run, on a cloud that runs": 1.5}
"""Seconds that a start may take."""
MOST_CPU_PERCENT = 1.0
_START_COLUMNS = ("", "seconds", "least", "most", "bound")
_IDLE_COLUMNS = (
    *("", "queues", "CPU %", "wakes/s", "resident MB"),
    *("polls/receiver in 30 s", "other requests in 30 s"),
)
_SETTLING_SECONDS = 3.0
_END_SECONDS = 60
_SINK = (sys.executable, "-m", "sink")
_RECEIVE = "BatchReceiveMessage"
_CONFIG = """
[mns]
queues = {queues}
[actions]
enabled = {actions}
[local]
enabled = yes
data = data
fleet = 0
fleet_speed = 1
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a sink waits for."""

    name: str
    queues: int
    actions: str = ""


CONDITIONS = (
    Condition("no actions", 1),
    Condition("no actions", 16),
    Condition("both actions", 1, "restart, slb_removal"),
    Condition("both actions", 16, "restart, slb_removal"),
)


def starts(runs: int) -> list[Row]:
    """Each command, so many times: all of them in turn, because a shared machine drifts."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _configure(folder, CONDITIONS[2])
        contestants: Mapping[str, Callable[[], float]] = {
            "sink --help": lambda: _help_seconds(folder),
            "sink run, and its cloud": _new_run_seconds,
            "sink run, on a cloud that runs": lambda: _run_seconds(folder),
        }
        with attach(folder / "data"):
            rounds = [{each: take() for each, take in contestants.items()} for _ in range(1 + runs)]
    return [Row(each, 0, 0, [{"seconds": one[each]} for one in rounds[1:]]) for each in contestants]


def _help_seconds(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run([*_SINK, "--help"], cwd=folder, env=_environment(), capture_output=True, check=True)
    return time.perf_counter() - began


def _new_run_seconds() -> float:
    with TemporaryDirectory() as name:
        _configure(Path(name), CONDITIONS[2])
        seconds = _run_seconds(Path(name))
        _await_end_of_cloud(Path(name) / "data")
        return seconds


def _run_seconds(folder: Path) -> float:
    began = time.perf_counter()
    with running(folder):
        return time.perf_counter() - began


def idle(condition: Condition, seconds: float) -> Row:
    """One sink over empty queues, for so long."""
    with TemporaryDirectory() as name, attach(Path(name) / "data") as cloud:
        _configure(Path(name), condition)
        with running(Path(name)) as process:
            time.sleep(_SETTLING_SECONDS)
            began, used, woke = time.time(), cpu_seconds(process.pid), wakes(process.pid)
            time.sleep(seconds)
            lasted = time.time() - began
            figures = {
                "cpu_percent": 100 * (cpu_seconds(process.pid) - used) / lasted,
                "wakes_per_second": (wakes(process.pid) - woke) / lasted,
                "resident_megabytes": resident_megabytes(process.pid),
            }
            asked = _answered(cloud.url, began, began + lasted)
    receivers, polls = condition.queues * RECEIVERS, asked.pop(_RECEIVE, 0)
    figures["polls_per_receiver"] = polls / receivers * LONG_POLL_SECONDS / lasted
    figures["other_requests"] = asked.total() * LONG_POLL_SECONDS / lasted
    return Row(condition.name, receivers, 0, [figures])


def _answered(url: str, since: float, until: float) -> Counter[str]:
    """The requests that were answered meanwhile, by operation: of polls, those that ended."""
    ends = ((entry["operation"], entry["at"] + entry["milliseconds"] / 1000) for entry in requests(url))
    return Counter(operation for operation, at in ends if since <= at < until)


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A sink that has said that it receives; afterwards stopped in good order. Raises BenchmarkError."""
    with running_sink(folder, _environment(), subprocess.PIPE) as process:
        assert process.stdout is not None
        if not any(READY in line for line in process.stdout):
            raise BenchmarkError(f"the sink did not start:\n{log_of(folder)}")
        yield process


def _configure(folder: Path, condition: Condition) -> None:
    queues = ", ".join(f"ecs-events-{number}" for number in range(condition.queues))
    config = _CONFIG.format(queues=queues, actions=condition.actions)
    (folder / "config.ini").write_text(config, encoding="utf-8")


def _environment() -> dict[str, str]:
    """As installed: what is compiled once is kept."""
    return {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}


def _await_end_of_cloud(data: Path) -> None:
    """A cloud that was started by a sink ends with it, a moment later."""
    give_up_at = time.monotonic() + _END_SECONDS
    while True:
        try:
            with locked(data):
                return
        except FolderInUse as error:
            if time.monotonic() > give_up_at:
                raise BenchmarkError("the embedded cloud goes on without a sink") from error
            time.sleep(0.05)


def measure(options: argparse.Namespace, console: Console) -> Results:
    """Measure both parts."""
    with console.status("starts"):
        started = starts(options.runs)
    waited = []
    for condition in options.conditions:
        with console.status(f"idle, {condition.name}, {condition.queues} queues"):
            waited.append(idle(condition, options.seconds))
    return Results(Machine.this(), {"starts": started, "idle": waited})


def tables(results: Results) -> list[Figures]:
    """What it came to."""
    return [
        Figures("starts", _START_COLUMNS, [_start(row) for row in results.parts["starts"]]),
        Figures("idle", _IDLE_COLUMNS, [_idle(row) for row in results.parts["idle"]]),
    ]


def picture(results: Results) -> Figure:
    """The starts, beside their bounds."""
    lines = [
        Span(row.subject, least, row.median("seconds"), most, BOUNDS[row.subject])
        for row in results.parts["starts"]
        for least, most in [row.span("seconds")]
    ]
    title = f"Seconds to a start: medians of {len(results.parts['starts'][0].runs)} runs, least and most"
    return spans(title, lines, results.machine, "seconds; the bars are the bounds")


def _start(row: Row) -> list[str]:
    seconds = (row.median("seconds"), *row.span("seconds"), BOUNDS[row.subject])
    return [row.subject, *(f"{one:.2f}" for one in seconds)]


def _idle(row: Row) -> list[str]:
    return [
        row.subject,
        f"{row.condition / RECEIVERS:.0f}",
        f"{row.median('cpu_percent'):.2f}",
        f"{row.median('wakes_per_second'):.1f}",
        f"{row.median('resident_megabytes'):.0f}",
        f"{row.median('polls_per_receiver'):.2f}",
        f"{row.median('other_requests'):.0f}",
    ]


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("standing", __doc__)
    add = parser.add_argument
    add("--runs", type=int, default=5, help="of each start, of which the medians are shown")
    add("--seconds", type=float, default=30.0, help="how long each sink is watched while it waits")
    options = parser.parse_args(arguments)
    options.conditions = CONDITIONS
    if options.quick:
        options.runs, options.seconds, options.conditions = 1, 3.0, CONDITIONS[2:3]
    return options


def main(arguments: Sequence[str]) -> None:
    """Measure, show, keep."""
    options, console = read_options(arguments), table_console()
    results = measure(options, console)
    conclude(
        results,
        tables(results),
        options.json,
        console,
        f" Idle, less than {MOST_CPU_PERCENT:g} % of a core is the bound.",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
