"""How soon the sink acts: from an interruption's enqueueing to the first call to its load balancer.

    python -m benchmarks.reaction [--notices 100] [--backlog 50000] [--sizes N …] [--quick] [--json FILE]

A real `sink run` with `slb_removal`, at true speed, that has read all groups: idle, with notices spread among
a backlog of ordinary state changes in the same queue, and with notices in a queue of their own while that
backlog is taken from another. A backlog is sent with a delay that ends for all of it at once; `--sizes` adds
smaller ones in the same queue, because the time must not grow with what waits. Enqueueing counts from before
SendMessage, or from the end of the delay; receiving is the event record's own `received_at_ms`; the call is
the first edit of the group in the embedded cloud's journal; what lies between is the ledger's. Sink, embedded
cloud and sender share this machine's cores, so the cloud's work is part of every figure, and beside a backlog
most of it. Its data are in memory where there is room, for the vendor's disk is not the sink's. On Alibaba
Cloud all that is done elsewhere, and the way there comes on top.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.command import conclude, parser_of
from benchmarks.place import QUEUE, memory
from benchmarks.results import Machine, Results, Row
from benchmarks.site import Condition, Site
from benchmarks.spans import Span, spans
from benchmarks.tables import Figures
from benchmarks.verify import waiting
from sink.cli.terminal import table_console
from sink.local.embedded import attach

URGENT = "urgent"
_SAME_QUEUE = "in the same queue"
_FIRST_CALL = "received → first call"
_AT_ONCE = 80
"""Most notices among a backlog that is gone in a moment: CLB takes 90 edits a minute (`sink.cloud.rates`)."""
_SPANS = {
    "enqueued → received": "enqueued_to_received_ms",
    _FIRST_CALL: "received_to_called_ms",
    "enqueued → first call": "enqueued_to_called_ms",
}
_STAGES = {
    "received → claimed": "received_to_claimed_ms",
    "claimed → admitted": "claimed_to_admitted_ms",
    "admitted → intended": "admitted_to_intended_ms",
    "intended → called": "intended_to_called_ms",
}
"""What the sink does before the call, by the ledger's times, each taken before its flush to the disk."""
_COLUMNS = ("", "backlog", "notices", "p50 ms", "p99 ms", "max ms")
TARGETS_MS = {"idle": 20, _SAME_QUEUE: 100, "in a queue of its own": 100}
"""For p99 of received → first call."""


def conditions(backlog: int) -> list[Condition]:
    """All three."""
    return [
        Condition("idle", 0),
        Condition(_SAME_QUEUE, backlog),
        Condition("in a queue of its own", backlog, (URGENT, QUEUE)),
    ]


def react(condition: Condition, notices: int, random: Random) -> Row:
    """One condition; each run is a notice, with how much the ordinary queue held after the last."""
    with (
        TemporaryDirectory() as name,
        TemporaryDirectory(dir=memory()) as data,
        attach(Path(data)) as cloud,
    ):
        site = Site(Path(name), Path(data), cloud.url, condition, notices, random)
        with site.sink():
            enqueued_ms = site.send()
            left = waiting(site.queues[QUEUE])
            times = site.times(enqueued_ms)
    figures = [one.figures | {"backlog_left": float(left)} for one in times]
    return Row(condition.name, condition.backlog, notices, figures)


def measure(options: argparse.Namespace, console: Console) -> Results:
    """Measure all three conditions, and the second with smaller backlogs."""

    def reacted(condition: Condition, notices: int) -> Row:
        with console.status(f"reaction {condition.name}, backlog {condition.backlog:,}"):
            return react(condition, notices, Random(options.seed))

    rows = [reacted(condition, options.notices) for condition in conditions(options.backlog)]
    few = min(options.notices, _AT_ONCE)
    growth = [reacted(Condition(_SAME_QUEUE, size), few) for size in sorted(options.sizes)]
    return Results(Machine.this(), {"reaction": rows, "growth": growth})


def percentile(row: Row, figure: str, percent: int) -> float:
    """The smallest value of a figure that so many percent of the notices do not exceed.

    >>> percentile(Row("", 0, 4, [{"ms": 1.0}, {"ms": 7.0}, {"ms": 3.0}, {"ms": 5.0}]), "ms", 50)
    3.0
    """
    values = sorted(run[figure] for run in row.runs)
    return values[ceil(len(values) * percent / 100) - 1]


def tables(results: Results) -> list[Figures]:
    """What it came to."""
    rows = results.parts["reaction"]
    grown = [*results.parts["growth"], *(row for row in rows if row.subject == _SAME_QUEUE)]
    return [
        Figures("reaction", _COLUMNS, [_cells(row, span, _SPANS) for row in rows for span in _SPANS]),
        Figures(
            "inside the sink", _COLUMNS, [_cells(row, stage, _STAGES) for row in rows for stage in _STAGES]
        ),
        Figures("growth with the backlog", _COLUMNS, [_cells(row, _FIRST_CALL, _SPANS) for row in grown]),
        Figures(f"targets, {_FIRST_CALL}", ("", "target ms", "p99 ms"), _targets(rows)),
        Figures("the backlog", ("", "messages", "left after the last notice"), [_left(rows[-1])]),
    ]


def picture(results: Results) -> Figure:
    """The two spans that count under each condition, p50 to p99; of smaller backlogs, the sink's own."""
    rows, growth = results.parts["reaction"], results.parts["growth"]
    lines = [_span(row.subject, row, name) for row in rows for name in list(_SPANS)[1:]]
    lines += [_span(f"behind {row.condition:,.0f} {row.subject}", row, _FIRST_CALL) for row in growth]
    title = "From an interruption's notice to the first call: dots are medians, lines end at p99"
    return spans(title, lines, results.machine, "ms; the bars are the targets of p99")


def _span(subject: str, row: Row, name: str) -> Span:
    half, most = (percentile(row, _SPANS[name], percent) for percent in (50, 99))
    target = TARGETS_MS.get(row.subject) if name == _FIRST_CALL else None
    return Span(f"{subject}: {name}", half, half, most, target)


def _cells(row: Row, name: str, figures: Mapping[str, str]) -> list[str]:
    times = [percentile(row, figures[name], percent) for percent in (50, 99, 100)]
    return [
        f"{row.subject}: {name}",
        f"{row.condition:,.0f}",
        f"{row.events:,}",
        *(f"{one:,.1f}" for one in times),
    ]


def _targets(rows: Sequence[Row]) -> list[list[str]]:
    return [
        [row.subject, f"{TARGETS_MS[row.subject]}", f"{percentile(row, 'received_to_called_ms', 99):,.1f}"]
        for row in rows
        if row.subject in TARGETS_MS
    ]


def _left(row: Row) -> list[str]:
    return [row.subject, f"{row.condition:,.0f}", f"{row.median('backlog_left'):,.0f}"]


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("reaction", __doc__)
    add = parser.add_argument
    add("--notices", type=int, default=100, help="interruptions under each condition")
    add("--backlog", type=int, default=50_000, help="ordinary state changes that wait when they come")
    add(
        "--sizes",
        type=int,
        nargs="*",
        default=[],
        metavar="N",
        help="also in the same queue: smaller backlogs",
    )
    add("--seed", type=int, default=1, help="of instances and of the pauses between notices")
    options = parser.parse_args(arguments)
    if options.quick:
        options.notices, options.backlog, options.sizes = 6, 320, [64]
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
        " The embedded cloud shares these cores, and is part of the time.",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
