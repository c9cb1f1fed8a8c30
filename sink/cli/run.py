"""`sink run`: the pipeline on its event loop, its signals, and what is seen of it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress

import uvloop
from rich.console import Console

from sink.cli.live import View, show
from sink.cli.reaching import Cloud
from sink.cli.wiring import build_pipeline, build_source, build_writer
from sink.config import Settings
from sink.pipeline import Actions, NoActions, Pipeline
from sink.stores import GroupingStore
from sink.telemetry import Journal, configure_logging

_INSISTING_SECONDS = 1.0
"""A second signal within it is the first one's echo: `timeout` signals a process and then its whole group."""


def run_sink(settings: Settings, cloud: Cloud, *, drain: bool) -> None:
    """Run until a signal, or with `drain` until the queues are empty."""
    configure_logging(live=sys.stdout.isatty())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        _rest_garbage_collector()
        runner.run(_run(settings, cloud, drain))


def _rest_garbage_collector() -> None:
    """Take what the start built for good, and look for cycles seldom: an event leaves none on its way."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


async def _run(settings: Settings, cloud: Cloud, drain: bool) -> None:
    with ExitStack() as stack:
        writer = build_writer(settings, cloud)
        stack.callback(writer.close)
        sources = [build_source(settings, cloud, queue) for queue in settings.mns.queues]
        for source in sources:
            stack.callback(source.close)
        journal = Journal()
        async with (
            GroupingStore(writer.put) as store,
            _open_actions(settings, cloud, journal) as actions,
        ):
            pipeline = build_pipeline(settings, sources, store, journal, actions)
            _obey_signals(pipeline)
            view = View(settings, cloud.mns, pipeline, journal)
            viewer = asyncio.create_task(show(view, drain=drain))
            try:
                await pipeline.run(drain)
            finally:
                viewer.cancel()
                with suppress(asyncio.CancelledError):
                    await viewer


@asynccontextmanager
async def _open_actions(settings: Settings, cloud: Cloud, journal: Journal) -> AsyncIterator[Actions]:
    """The enabled actions. While there are none, nothing of theirs is loaded."""
    if not settings.action:
        yield NoActions()
        return
    from sink.cli.acting import open_actions

    async with open_actions(settings, cloud, journal) as actions:
        yield actions


def _obey_signals(pipeline: Pipeline) -> None:
    """The first signal stops in order, one that insists at once: what is in hand comes back by itself."""
    loop = asyncio.get_running_loop()
    asked_at: float | None = None

    def stop(number: int) -> None:
        nonlocal asked_at
        if asked_at is None:
            asked_at = loop.time()
            pipeline.stop()
            _say_what_is_left(pipeline)
        elif loop.time() - asked_at > _INSISTING_SECONDS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


def _say_what_is_left(pipeline: Pipeline) -> None:
    if pipeline.in_hand:
        text = f"Stopping: {pipeline.in_hand:,} messages in hand. Once more ends it now."
        Console(soft_wrap=True).print(text)
