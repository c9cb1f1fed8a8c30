"""One of the workers of `sink run` in several processes: `python -m sink.cli.run.worker FD`.

A pipeline with queues and store of its own; `several.py` starts it and holds the other end of the socket FD.
It stops in good order at SIGTERM, and when its parent is gone.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from sink.cli import leave_in_order
from sink.cli.reaching import Cloud, provider_of
from sink.cli.run.afar import ActionsAfar
from sink.cli.run.link import Ended, Figures, Link, Said, Start
from sink.cli.run.process import obey_signals, run_on_loop
from sink.cli.wiring import build_actions, open_pipeline
from sink.pipeline import NoActions, Pipeline
from sink.telemetry import Journal, configure_logging

_REPORT_SECONDS = 1.0


async def _work(number: int) -> None:
    """Do what the parent says at the other end of this socket."""
    link = await Link.over(socket.socket(fileno=number))
    try:
        start = await link.receive()
        if isinstance(start, Start):
            configure_logging(live=start.live, worker=start.worker, out=lambda: _Voice(link))
            await _run(start, link)
    finally:
        await link.close()


async def _run(start: Start, link: Link) -> None:
    """Run a pipeline to its end."""
    settings, journal = start.settings, Journal()
    cloud = Cloud(start.mns, start.sls, provider_of(settings))
    actions = ActionsAfar(build_actions(settings), link) if settings.action else None
    async with open_pipeline(settings, cloud, journal, actions or NoActions()) as pipeline:
        obey_signals(pipeline.stop)
        beside = [
            asyncio.create_task(_report(link, pipeline, journal)),
            asyncio.create_task(_listen(link, pipeline, journal, actions)),
        ]
        try:
            await pipeline.run(start.drain)
        finally:
            for task in beside:
                task.cancel()
            link.send(_figures(pipeline, journal))


async def _report(link: Link, pipeline: Pipeline, journal: Journal) -> None:
    """Tell the parent how things stand, for ever."""
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        link.send(_figures(pipeline, journal))


def _figures(pipeline: Pipeline, journal: Journal) -> Figures:
    """How things stand. The events since the last time are forgotten with it."""
    bodies = [event.body for event in journal.recent]
    journal.recent.clear()
    return Figures(pipeline.tally, pipeline.in_hand, pipeline.oldest_received_at_ms, bodies, journal.failing)


async def _listen(link: Link, pipeline: Pipeline, journal: Journal, actions: ActionsAfar | None) -> None:
    """Hear what came of actions, until the parent is gone: then stop."""
    while (message := await link.receive()) is not None:
        if actions and isinstance(message, Ended):
            actions.ended(message)
    journal.alone()
    pipeline.stop()
    if actions:
        actions.give_up()


class _Voice:
    """Where the log goes: through the parent, which may show a live view; past it once it is gone."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def write(self, line: str) -> None:
        """Write a line."""
        if self._link.is_open:
            self._link.send(Said(line))
        else:
            sys.stderr.write(line)

    def flush(self) -> None:
        """What was written is on its way."""


if __name__ == "__main__":
    leave_in_order(lambda: run_on_loop(lambda: _work(int(sys.argv[1]))))
