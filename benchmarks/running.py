"""A sink that runs beside a benchmark until it is told to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import BenchmarkError

_LOG = "sink.log"
_END_SECONDS = 60
"""How long a stop may take: the sink gives back what is in hand after 25 s."""


@contextmanager
def running_sink(folder: Path, environment: Mapping[str, str], out: int) -> Iterator[subprocess.Popen[bytes]]:
    """`sink run` in this folder; afterwards stopped in good order. Raises BenchmarkError where it is not.

    `out` is what `subprocess.Popen` takes for its standard output; `log_of` has what it logs.
    """
    with (folder / _LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sink", "run"], cwd=folder, env=environment, stdout=out, stderr=log
        )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_END_SECONDS)
        if process.returncode:
            raise BenchmarkError(f"the sink ended with {process.returncode}:\n{log_of(folder)}")
    finally:
        process.kill()
        process.wait()


def log_of(folder: Path) -> str:
    """What the sink that ran there has logged."""
    return (folder / _LOG).read_text(encoding="utf-8")
