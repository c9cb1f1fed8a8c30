"""The figures of a benchmark as they are kept: JSON that table, page and picture are made from.

So no figure is ever typed: who doubts one runs the command that wrote the file. A row is one subject, say a
rival, under one condition, say a latency, at one size; it keeps every run, and what is shown are medians.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Self

import orjson


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when a benchmark ran, and on what."""

    date: str
    processor: str
    cores: int
    memory_gigabytes: int
    system: str
    python: str
    packages: Mapping[str, str]

    @classmethod
    def this(cls) -> Self:
        """This one, now."""
        pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            processor=_processor(Path("/proc/cpuinfo").read_text(encoding="utf-8")),
            cores=os.cpu_count() or 1,
            memory_gigabytes=round(pages / 2**30),
            system=f"{platform.system()} {platform.release().partition('-')[0]}",
            python=platform.python_version(),
            packages={name: version(name) for name in ("aliyun-mns-sdk", "aliyun-log-python-sdk")},
        )

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.cores} cores of {self.processor}, {self.memory_gigabytes} GB, {self.system}, "
            f"Python {self.python}, {packages}, {self.date}"
        )


def _processor(cpuinfo: str) -> str:
    """The processor's name as the kernel gives it.

    >>> _processor("processor : 0\\nmodel name : EPYC 9000")
    'EPYC 9000'
    """
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), "unknown")


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one subject under one condition."""

    subject: str
    """A rival, an operation, a query."""
    condition: float
    """What its part of the results says: the latency in ms, the number of connections."""
    events: int
    runs: Sequence[Mapping[str, float]]
    """The figures of each run, by name; every run has the same names."""

    def median(self, figure: str) -> float:
        """The median of a figure over the runs."""
        return median(run[figure] for run in self.runs)

    def times(self, other: Row, figure: str) -> float:
        """The figure in terms of another row's: the median over the runs that stood side by side in time.

        Ratios of medians would be of runs minutes apart, between which a shared machine changes its speed.
        """
        pairs = zip(self.runs, other.runs, strict=True)
        return median(mine[figure] / theirs[figure] for mine, theirs in pairs)

    def span(self, figure: str) -> tuple[float, float]:
        """The least and the most."""
        values = [run[figure] for run in self.runs]
        return min(values), max(values)


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one call of a benchmark found, in parts."""

    machine: Machine
    parts: Mapping[str, Sequence[Row]]

    def save(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file that `save` wrote."""
        found = orjson.loads(path.read_bytes())
        parts = {name: [Row(**row) for row in rows] for name, rows in found["parts"].items()}
        return cls(Machine(**found["machine"]), parts)
