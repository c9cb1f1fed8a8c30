"""Who is measured: the sink, and three others that do the same work.

Each rival is a program that takes every message out of the queue, stores it with PutLogs, deletes it, and
ends when the queue is empty. One file a rival; `RIVALS` is the order in which they stand in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.place import LOGSTORE, PROJECT, QUEUE, REGION

_RECEIVERS = 2
"""The sink's default, written down because the server counts on it."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One program, and how it is started."""

    name: str
    title: str
    """What it is, in a line of the table."""
    arguments: Callable[[str], Sequence[str]]
    """The interpreter's arguments, given the server's address."""
    furnish: Callable[[Path, str], None]
    """Puts what it needs into its folder, given the server's address."""
    share: Mapping[int, float]
    """Its part of the events, from a latency in ms on: below 1 where all would take it too long, above 1
    where it would be done before it can be measured."""
    processes: int = 1
    """How many of them receive."""

    @property
    def receivers(self) -> int:
        """How many receives of its wait at an empty queue, at least."""
        return 1 if self.processes == 1 else self.processes * _RECEIVERS

    def events(self, wanted: int, latency_ms: float) -> int:
        """How many events it gets: its share, in whole batches of 16, and at least four of them."""
        known = [share for latency, share in self.share.items() if latency <= latency_ms]
        share = known[-1] if known else 1.0
        return max(4, round(wanted * share / 16)) * 16


def _module(name: str) -> Callable[[str], Sequence[str]]:
    return lambda url: ["-m", f"benchmarks.rivals.{name}", url]


def _nothing(folder: Path, url: str) -> None:
    """Most rivals need no file."""


def _configure(folder: Path, url: str, processes: int = 1) -> None:
    """The sink takes the server for Alibaba Cloud."""
    (folder / "config.ini").write_text(
        f"[sink]\nid = bench\nregion = {REGION}\nprocesses = {processes}\n"
        f"[mns]\nendpoint = {url}\nqueues = {QUEUE}\nreceivers = {_RECEIVERS}\n"
        f"[sls]\nendpoint = {url}\nproject = {PROJECT}\nlogstore = {LOGSTORE}\n",
        encoding="utf-8",
    )


RIVALS: Mapping[str, Rival] = {
    rival.name: rival
    for rival in (
        Rival(
            "loop",
            "the document's loop: one receive, one PutLogs, one delete",
            _module("loop"),
            _nothing,
            {0: 0.1, 1: 0.02, 10: 0.01},
        ),
        Rival(
            "engineer",
            "a good engineer's version: official SDKs, 16 threads",
            _module("engineer"),
            _nothing,
            {},
        ),
        Rival("sink", "this sink", lambda url: ["-m", "sink", "run", "--drain"], _configure, {}),
        Rival(
            "ceiling", "a bare process: hand-made requests, 64 lanes", _module("ceiling"), _nothing, {0: 4.0}
        ),
    )
}


def sink_in(processes: int) -> Rival:
    """This sink in so many processes."""
    furnish = partial(_configure, processes=processes)
    return replace(RIVALS["sink"], furnish=furnish, processes=processes)


REFERENCE = "engineer"
"""Whose figures are 1 in the ratios."""
