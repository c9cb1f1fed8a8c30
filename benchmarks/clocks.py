"""Other processes' CPU time, wakes and memory, as the kernel counts them.

`resource.getrusage` tells of oneself and of children that have ended; these tell of a process that goes on,
at the moment that the benchmark means. Linux only.
"""

from __future__ import annotations

import re
import time
from pathlib import Path


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
    return _status(Path(f"/proc/{pid}/status"), "VmHWM") / 1024


def resident_megabytes(pid: int) -> float:
    """The memory that a process has resident now. Raises OSError if it is gone."""
    return _status(Path(f"/proc/{pid}/status"), "VmRSS") / 1024


def wakes(pid: int) -> int:
    """How often the threads of a process went to sleep, to be woken. Raises OSError if it is gone."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(_status(thread / "status", "voluntary_ctxt_switches") for thread in threads)


def _status(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", path.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"{path} has no {name}: the process has ended")
    return int(found[1])
