"""Where an event's CPU time goes: each stage of its way by itself, without loop and network.

    python -m benchmarks.stages [--rounds 100]

Microseconds an event, the least of many rounds, in which all stages take their turns: on a shared machine
the least is what the work costs. `throughput.py` has the whole way.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import lz4.block

from benchmarks.answers import Answers
from benchmarks.bodies import event_bodies
from benchmarks.tables import Figures
from sink.cli.terminal import table_console
from sink.credentials import LOCAL_KEYS
from sink.events import Receipt, parse_body
from sink.sources.answers import received
from sink.sources.calls import Calls
from sink.stores.encoding import log_group
from sink.wire import Answer

BATCHES = 32
JOINED = 256
"""Records of a PutLogs under load."""

Stage = Callable[[], object]


def stages(now: float) -> tuple[Mapping[str, Stage], int]:
    """What is done for events of every kind, and for how many each time."""
    answers, calls = Answers.of(event_bodies(now), now), Calls("http://127.0.0.1", "q", lambda: now)
    given = [Answer(200, {}, answers.batch(serial).partition(b"\r\n\r\n")[2]) for serial in range(BATCHES)]
    batches = [received(answer).messages for answer in given]
    bodies = [body for batch in batches for _, _, body, _ in batch]
    events = [parse_body(body) for body in bodies]
    receipt = Receipt("q", round(now * 1000), "bench")
    records = [event.record(receipt, "MID-1", 1) for event in events]
    groups = [records[at : at + JOINED] for at in range(0, len(records), JOINED)]
    handles = [[handle for _, handle, _, _ in batch] for batch in batches]
    return {
        "answers to receives, read": lambda: [received(answer) for answer in given],
        "bodies to events": lambda: [parse_body(body) for body in bodies],
        "events to records": lambda: [event.record(receipt, "MID-1", 1) for event in events],
        "records to log groups, compressed": lambda: [
            lz4.block.compress(log_group("event", group, now=now), store_size=False) for group in groups
        ],
        "deletes, signed": lambda: [calls.delete(LOCAL_KEYS, each) for each in handles],
    }, len(bodies)


def least_microseconds(work: Mapping[str, Stage], events: int, rounds: int) -> dict[str, float]:
    """The quickest of so many rounds, for each stage and event."""
    least = dict.fromkeys(work, float("inf"))
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        for name, do in work.items():
            began = time.perf_counter()
            do()
            least[name] = min(least[name], (time.perf_counter() - began) / events * 1e6)
    gc.enable()
    return least


def table(least: Mapping[str, float]) -> Figures:
    """The stages in their order, and their sum."""
    rows = [(name, f"{cost:.1f}") for name, cost in least.items()]
    return Figures("An event's stages", ("", "µs"), [*rows, ("all of them", f"{sum(least.values()):.1f}")])


def main(arguments: Sequence[str]) -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    work, events = stages(time.time())
    least = least_microseconds(work, events, parser.parse_args(arguments).rounds)
    table_console().print(table(least).on_terminal())


if __name__ == "__main__":
    main(sys.argv[1:])
