"""Time the ledger: what an order waits for before it is given, alone and among a thousand runs at once.

Run by hand, `python -m benchmarks.ledger [URL …]`, by default on an SQLite file and on a PostgreSQL server
that it starts for itself, both in temporary folders; name a URL to time your own, which is then left with
the runs in it. Each operation of a thousand runs is asked for at the same moment; the table has the median
of three rounds. One operation alone is mostly a flush of the disk, so that is timed beside it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from sink.ledger import Admitted, Claim, Ledger, NewRun
from tests.ledger.conftest import Postgresql

ALONE = 1000
AT_ONCE = 1000
GROUPS = 50
ROUNDS = 3


def new_runs(count: int) -> list[NewRun]:
    """Runs that no ledger has seen."""
    names = [uuid4().hex for _ in range(count)]
    return [NewRun(name, "removal", name, f"i-{name}", "cn-hangzhou", "{}" * 500, 0) for name in names]


async def claim_all(ledger: Ledger, runs: list[NewRun]) -> list[Claim]:
    """Claims of new runs, which nobody else has."""
    claims = await asyncio.gather(*(ledger.claim(run) for run in runs))
    return [claim for claim in claims if isinstance(claim, Claim)]


async def time_alone(ledger: Ledger) -> list[float]:
    """Milliseconds of each of many orders, one after another."""
    (claim,) = await claim_all(ledger, new_runs(1))
    taken = []
    for number in range(ALONE):
        began = time.perf_counter()
        await ledger.intend(claim, f"order {number % 10}")
        taken.append((time.perf_counter() - began) * 1000)
    return taken


async def time_at_once(ledger: Ledger) -> dict[str, float]:
    """Milliseconds until a thousand runs have each done an operation, by operation."""
    runs = new_runs(AT_ONCE)
    claims: list[Claim] = []
    since_ms = round(time.time() * 1000)

    async def claim() -> None:
        claims.extend(await claim_all(ledger, runs))

    async def all_of(operation: Callable[[Claim, int], Awaitable[object]]) -> None:
        await asyncio.gather(*(operation(one, number) for number, one in enumerate(claims)))

    def admit(one: Claim, number: int) -> Awaitable[object]:
        group = f"rsp-{number % GROUPS}"
        decision = Admitted({"places": [group]}, {group: [one.action_id]})
        return ledger.admit(one, lambda use: decision, since_ms, [group])

    steps: dict[str, Callable[[], Awaitable[None]]] = {
        "claim": claim,
        "admit": lambda: all_of(admit),
        "intend": lambda: all_of(lambda one, _: ledger.intend(one, "weight 0")),
        "note": lambda: all_of(lambda one, _: ledger.note(one, {"drained": True})),
        "close": lambda: all_of(lambda one, _: ledger.close(one, "done", {"steps": "x" * 2000})),
    }
    taken = {}
    for name, step in steps.items():
        began = time.perf_counter()
        await step()
        taken[name] = (time.perf_counter() - began) * 1000
    return taken


async def measure(url: str) -> dict[str, float]:
    """All figures of one ledger, in ms."""
    async with Ledger.open(url, "benchmark") as ledger:
        alone = quantiles(await time_alone(ledger), n=100)
        rounds = [await time_at_once(ledger) for _ in range(ROUNDS)]
    at_once = {name: median(one[name] for one in rounds) for name in rounds[0]}
    return {"one intend, p50": alone[49], "one intend, p99": alone[98]} | {
        f"{AT_ONCE:,} × {name}": taken for name, taken in at_once.items()
    }


def flush(folder: Path) -> float:
    """The median of a disk's flush, in ms."""
    taken = []
    with (folder / "flush").open("wb") as file:
        for _ in range(200):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


@contextmanager
def own_databases(folder: Path) -> Iterator[dict[str, str]]:
    """The addresses of two ledgers that are gone afterwards."""
    server = Postgresql(folder)
    yield {"SQLite": f"sqlite:///{folder}/ledger.db", "PostgreSQL": server.new_address()}
    server.remove()


def compare(urls: list[str], console: Console) -> None:
    """Print a table, one row a figure."""
    with TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        flushed = flush(Path(folder))
        if urls:
            figures = {url: asyncio.run(measure(url)) for url in urls}
        else:
            with own_databases(Path(folder)) as databases:
                figures = {name: asyncio.run(measure(url)) for name, url in databases.items()}
    table = Table("ms", *figures, box=None)
    for name in next(iter(figures.values())):
        table.add_row(name, *(f"{of[name]:,.1f}" for of in figures.values()))
    console.print(table, f"one flush of the disk: {flushed:.1f} ms")


if __name__ == "__main__":
    compare(sys.argv[1:], Console())
