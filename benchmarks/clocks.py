"""Other processes' CPU time and peak memory, as the kernel counts them.

`resource.getrusage` tells of oneself and of children that have ended; these tell of a process that goes on,
at the moment that the benchmark means. Linux only.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def family(pid: int) -> list[int]:
    """A process and its children of now."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for file in files for child in file.read_text(encoding="ascii").split())]


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process, to the nanosecond. Raises OSError if it is gone.

    The clock's number is what `clock_getcpuclockid(3)` gives: the process id, inverted, above three bits of
    which 2 means scheduler time.
    """
    return time.clock_gettime(~pid << 3 | 2)


def peak_megabytes(pid: int) -> float:
    """The most memory that a process ever had resident. Raises OSError if it is gone."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = _PEAK.search(status)
    if found is None:
        raise ProcessLookupError(f"process {pid} has ended")
    return int(found[1]) / 1024
