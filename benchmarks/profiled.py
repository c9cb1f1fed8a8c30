"""Run the sink under cProfile, every thread of it: `python -m benchmarks.profiled FILE run --drain`.

`throughput.py --profile` starts it in the sink's place. cProfile alone sees the main thread, and the SDKs
work in others; here each thread gets a profile of its own, on its own CPU clock, so that waiting does not
count. The profiles are merged into the file.
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import sys
import threading
import time
from types import FrameType
from typing import Any


class Profiles:
    """One profile a thread."""

    def __init__(self) -> None:
        self._all: list[cProfile.Profile] = []

    def begin(self, frame: FrameType | None = None, event: str = "", argument: Any = None) -> None:
        """Profile this thread from here on. Called by `threading` with the first event of each new one."""
        profile = cProfile.Profile(time.thread_time)
        self._all.append(profile)
        profile.enable()

    def save(self, path: str) -> None:
        """Merge what all threads did."""
        for profile in self._all:
            profile.create_stats()
        first, *others = self._all
        stats = pstats.Stats(first)
        for other in others:
            stats.add(other)
        stats.dump_stats(path)


def main() -> None:
    """The arguments are a file for the profile, and the sink's own."""
    if sys.version_info >= (3, 12):
        sys.exit("--profile needs Python 3.11: later, cProfile cannot look at several threads at once")
    path, sys.argv = sys.argv[1], ["sink", *sys.argv[2:]]
    profiles = Profiles()
    threading.setprofile(profiles.begin)
    profiles.begin()
    try:
        runpy.run_module("sink", run_name="__main__")
    finally:
        threading.setprofile(None)
        profiles.save(path)


if __name__ == "__main__":
    main()
