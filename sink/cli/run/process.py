"""What every process of a running sink does alike: its event loop, its garbage, its signals."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

_SWITCH_SECONDS = 0.0005
_INSISTING_SECONDS = 1.0
"""A second signal within it is the first one's echo: `timeout` signals a process and then its whole group."""


def run_on_loop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Work on an event loop of its own, to the end."""
    # By default a thread of an SDK's may keep the interpreter for 5 ms while the loop waits for it.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _rest_garbage_collector()
        runner.run(work())


def _rest_garbage_collector() -> None:
    """Take what the start built for good, and look for cycles seldom: an event leaves none on its way."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def obey_signals(stop: Callable[[], None], insisted: Callable[[], None] | None = None) -> None:
    """Stop in order at the first SIGTERM or SIGINT.

    One that insists ends this process at once, after `insisted`; where that is None, nobody can insist.
    """
    loop = asyncio.get_running_loop()
    asked_at: float | None = None

    def obey(number: int) -> None:
        nonlocal asked_at
        if asked_at is None:
            asked_at = loop.time()
            stop()
        elif insisted is not None and loop.time() - asked_at > _INSISTING_SECONDS:
            insisted()
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, obey, number)
