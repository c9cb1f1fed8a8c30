"""The sink in several processes: a parent with what there must be one of, and workers that receive and store.

Each worker is a pipeline of its own and takes from the queues like any other sink, so nothing of an event's
way is shared, and two workers do twice the work of one. The parent holds the embedded cloud, shows the view,
and runs the actions for all of them (`afar.py` says why). It does nothing for an event that no action
wants but to remember that it came.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from signal import SIGTERM, strsignal

from sink.backoff import Backoff
from sink.cli.live import View, say_what_is_left, shown
from sink.cli.reaching import Cloud
from sink.cli.run.link import Asked, Ended, Figures, Heard, Link, Said, Start
from sink.cli.run.process import obey_signals
from sink.cli.wiring import open_actions
from sink.config import Settings
from sink.events import Event, parse_body
from sink.pipeline import Actions, Tally
from sink.telemetry import Journal

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


async def run_several(settings: Settings, cloud: Cloud, drain: bool) -> None:
    """Have workers receive and store, and act for them, until a signal or empty queues."""
    journal = Journal()
    start = Start(0, settings, cloud.mns, cloud.sls, drain, live=sys.stdout.isatty())
    async with open_actions(settings, cloud, journal) as actions:
        crew = Crew(start, actions, journal)

        def stop() -> None:
            crew.stop()
            say_what_is_left(crew)

        obey_signals(stop, crew.kill)
        async with shown(View(settings, cloud.mns, crew, journal), drain=drain):
            await crew.run(settings.sink.processes)


@dataclass(eq=False, slots=True)
class _Worker:
    """A worker's process, our end of the link, and what it told last."""

    process: Process
    link: Link
    figures: Figures | None = None

    @classmethod
    async def begin(cls) -> _Worker:
        """Start one, in a session of its own: Ctrl-C in a terminal reaches its parent. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", "sink.cli.run.worker", str(number)]
            try:
                process = await create_subprocess_exec(
                    *command, stdin=DEVNULL, pass_fds=[number], start_new_session=True
                )
            except OSError:
                ours.close()
                raise
        return cls(process, await Link.over(ours))

    def terminate(self) -> None:
        """Have it stop in good order."""
        with suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self.process.kill()


class Crew:
    """The workers of a sink. `run` it once.

    One that ends before it was told to, be it by kill -9, is started again after a pause that grows; what it
    had in hand comes back to the others by the queue's visibility timeout. One that finds its parent gone
    stops in good order.
    """

    def __init__(self, start: Start, actions: Actions, journal: Journal) -> None:
        self._start = start
        self._actions = actions
        self._journal = journal
        self._workers: dict[int, _Worker] = {}
        self._before = Tally()
        """What was done by workers that are gone, as far as they told."""
        self._stopping = asyncio.Event()
        self._acting: set[asyncio.Task[None]] = set()

    @property
    def tally(self) -> Tally:
        """What all have done since they began, up to a second ago."""
        return _sum([self._before, *(one.tally for one in self._figures)])

    @property
    def in_hand(self) -> int:
        """Messages in the hands of all."""
        return sum(one.in_hand for one in self._figures)

    @property
    def oldest_received_at_ms(self) -> int | None:
        """When the message longest in hand was received, wall clock in ms."""
        oldest = (one.oldest_received_at_ms for one in self._figures)
        return min((one for one in oldest if one is not None), default=None)

    async def run(self, count: int) -> None:
        """Keep so many at work until they are stopped, or have drained the queues."""
        try:
            async with asyncio.TaskGroup() as group:
                for worker in range(1, count + 1):
                    group.create_task(self._keep(worker))
        finally:
            for task in self._acting:
                task.cancel()

    def stop(self) -> None:
        """Have all stop in good order."""
        self._stopping.set()
        for worker in self._workers.values():
            worker.terminate()

    def kill(self) -> None:
        """End all at once: what is in hand comes back by itself."""
        for worker in self._workers.values():
            worker.kill()

    @property
    def _figures(self) -> Sequence[Figures]:
        """What those at work told last."""
        return [one.figures for one in self._workers.values() if one.figures]

    async def _keep(self, number: int) -> None:
        """Start a worker again and again, until it has ended as it should."""
        pauses = Backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            why = await self._employ(number)
            if not why and (self._stopping.is_set() or self._start.drain):
                return
            if loop.time() - began > _LONGEST_PAUSE_SECONDS:
                pauses.reset()
            pause = pauses.next_seconds()
            self._journal.lost(number, why or "exit code 0", None if self._stopping.is_set() else pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return

    async def _employ(self, number: int) -> str:
        """Start a worker and serve it to its end; why it failed, "" if it did not."""
        try:
            worker = self._workers[number] = await _Worker.begin()
        except OSError as error:
            return str(error)
        try:
            worker.link.send(replace(self._start, worker=number))
            if self._stopping.is_set():
                worker.terminate()
            await self._serve(number, worker)
            return self._judge(await worker.process.wait())
        finally:
            del self._workers[number]
            if worker.figures:
                self._before = replace(_sum([self._before, worker.figures.tally]), waiting=None)
            await worker.link.close()

    def _judge(self, code: int) -> str:
        """Why a worker ended so, "" if it should have. A signal of ours may come before it listens."""
        if code == -SIGTERM and self._stopping.is_set():
            return ""
        return f"signal {-code}, {strsignal(-code)}" if code < 0 else f"exit code {code}" * bool(code)

    async def _serve(self, number: int, worker: _Worker) -> None:
        """Do what a worker says, until it hangs up."""
        while (message := await worker.link.receive()) is not None:
            match message:
                case Said():
                    sys.stderr.write(message.line)
                case Heard():
                    self._actions.notice(message.events)
                case Asked():
                    task = asyncio.create_task(self._act(worker.link, message))
                    self._acting.add(task)
                    task.add_done_callback(self._acting.discard)
                case Figures():
                    worker.figures = message
                    events = [parse_body(body) for body in message.bodies]
                    self._journal.heard(number, events, message.failing)

    async def _act(self, link: Link, asked: Asked) -> None:
        """Act for a worker, and tell it what came of that. Goes on where the worker dies meanwhile."""
        try:
            event = parse_body(asked.body)
            assert isinstance(event, Event)
            records = await self._actions.act(event)
        except Exception as error:  # noqa: BLE001 - as in the pipeline: a bug costs one message a new delivery
            self._journal.bug(error)
            link.send(Ended(asked.number, None))
        else:
            link.send(Ended(asked.number, records))


def _sum(tallies: Iterable[Tally]) -> Tally:
    """All together. Each has asked for itself how much is waiting in the queues: the most that one found."""
    known = list(tallies)
    counted = {
        field.name: sum(getattr(one, field.name) for one in known)
        for field in fields(Tally)
        if field.name != "waiting"
    }
    waiting = [one.waiting for one in known if one.waiting is not None]
    return Tally(**counted, waiting=max(waiting, default=None))
