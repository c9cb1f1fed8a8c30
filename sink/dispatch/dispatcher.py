"""Events become runs of the enabled modules, each once; runs become records.

The pipeline asks `wants`, hands every event to `notice` and those that are wanted to `act`, which returns
the record of each module's run. Whatever is redelivered, restarted or received by two sinks at once, the
ledger's claim makes one run of it; whoever comes second waits and gets the same record.

What waits, waits in the cloud's queue of calls, where the earliest deadline goes first. A run holds no
thread, so a thousand of them can drain at once, and an interruption never stands behind a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from random import Random
from types import TracebackType
from typing import Protocol, Self

from sink.action import Cloud, Outcome, Plan, Run, Status, restored
from sink.backoff import Backoff
from sink.dispatch.admission import LedgerAdmission
from sink.dispatch.conduct import Conduct, Module, deadline_at_pace
from sink.dispatch.newsroom import Newsroom
from sink.dispatch.record import action_fields, action_record
from sink.dispatch.run import LedgerRun
from sink.errors import LedgerError, LostRun, SinkError
from sink.events import Event, Record, parse_body
from sink.ledger import Claim, Closed, Ledger, NewRun

_HELD_SECONDS = 1.0
"""How often a run that is another sink's is looked at."""


class Doors(Protocol):
    """The cloud: `sink.cloud.AlibabaCloud`."""

    def hush(self) -> None:
        """A run in a hurry begins: what nobody waits for may come a moment later."""

    def door(self, run: Run) -> Cloud:
        """What an action is handed for this run."""


class Told(Protocol):
    """Who hears of what an operator should look at."""

    def bug(self, error: Exception) -> None:
        """Something raised that should not."""

    def trouble(self, part: str, error: SinkError) -> None:
        """The part failed, and will be tried again."""

    def fine(self, part: str) -> None:
        """The part works."""

    def acted(self, fields: Mapping[str, str], *, alarm: bool) -> None:
        """A run has come to its end: the fields of its record, and whether an operator should look at it."""


class Dispatcher:
    """The enabled actions, as the pipeline's `Actions`. An async context manager.

    One effect: a module runs once for an event, however often that is delivered, to however many sinks. A run
    that a sink died in is resumed, by the next sink that has the time, from where its ledger says it was.
    """

    def __init__(
        self,
        modules: Sequence[Module],
        ledger: Ledger,
        doors: Doors,
        told: Told,
        *,
        sink_id: str,
        pace: float = 1.0,
        wall_clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._modules = {module.name: module for module in modules}
        self._ledger = ledger
        self._doors = doors
        self._told = told
        self._sink_id = sink_id
        self._pace = pace
        self._wall_clock = wall_clock
        self._random = random or Random()
        self._newsroom = Newsroom()
        self._under_way: dict[str, asyncio.Task[Mapping[str, str]]] = {}

    async def __aenter__(self) -> Self:
        self._ledger.rehearse()
        self._resuming = asyncio.create_task(self._resume_for_ever(), name="resume")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [self._resuming, *self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wants(self, event: Event) -> bool:
        """Tell whether any module handles this event."""
        return any(module.action.wants(event) for module in self._modules.values())

    def notice(self, events: Iterable[Event]) -> None:
        """Remember the events for whoever decides by them or waits for them."""
        for event in events:
            self._newsroom.hear(event)

    async def act(self, event: Event) -> Sequence[Record]:
        """Run every module that handles the event to its end; their records."""
        received_at_ms = round(self._wall_clock() * 1000)
        wanted = [module for module in self._modules.values() if module.action.wants(event)]
        runs = [asyncio.shield(self._begun(module, event, received_at_ms)) for module in wanted]
        ended = await asyncio.gather(*runs)
        return [action_record(fields) for fields in ended]

    def _begun(self, module: Module, event: Event, received_at_ms: int) -> asyncio.Task[Mapping[str, str]]:
        """The run of a module on an event, be it under way already."""
        action_id = _action_id(module.name, event.event_key)
        if action_id in self._under_way:
            return self._under_way[action_id]
        new = NewRun(
            action_id=action_id,
            module=module.name,
            event_key=event.event_key,
            instance_id=event.instance_id,
            region_id=event.region_id,
            body=event.body,
            received_at_ms=received_at_ms,
        )
        task = asyncio.create_task(self._until_ended(module, event, new))
        self._under_way[action_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(action_id, None))
        return task

    async def _until_ended(self, module: Module, event: Event, new: NewRun) -> Mapping[str, str]:
        """Claim the run and conduct it, or wait until whoever has it is done.

        Without the ledger nothing is decided: the message stays in hand until it works again.
        """
        pauses = Backoff(0.2, 10.0, self._random)
        in_a_hurry = module.action.deadline_ms(event) is not None
        ledger = self._ledger.urgent if in_a_hurry else self._ledger
        if in_a_hurry:
            self._doors.hush()
        while True:
            try:
                claimed = await ledger.claim(new)
                if isinstance(claimed, Closed):
                    return claimed.fields
                if isinstance(claimed, Claim):
                    return await self._conduct(ledger, module, event, claimed, new.received_at_ms)
                await asyncio.sleep(_HELD_SECONDS)
            except LostRun:
                continue
            except LedgerError as error:
                self._told.trouble("ledger", error)
                await asyncio.sleep(pauses.next_seconds())

    async def _conduct(
        self, ledger: Ledger, module: Module, event: Event, claim: Claim, received_at_ms: int
    ) -> Mapping[str, str]:
        """Conduct a run that is ours; given back where the sink stops in the middle of it."""
        self._told.fine("ledger")
        run = self._run(ledger, module, event, claim)
        conduct = Conduct(
            module,
            event,
            run,
            self._doors.door(run),
            LedgerAdmission(ledger, claim, module.guard, now_ms=run.now_ms(), pace=self._pace),
            self._told,
            self._random,
            restored(Plan, claim.plan) if claim.plan is not None else None,
        )
        try:
            outcome = await conduct.outcome()
            fields = action_fields(
                event,
                run,
                outcome,
                mode=module.mode,
                attempt=conduct.attempts,
                started_at_ms=received_at_ms,
                sink_id=self._sink_id,
            )
            await ledger.close(claim, outcome.status.value, fields)
            await self._watch_failures(module, outcome)
        except asyncio.CancelledError:
            await ledger.release(claim)
            raise
        self._told.acted(fields, alarm=outcome.alarm)
        return fields

    def _run(self, ledger: Ledger, module: Module, event: Event, claim: Claim) -> LedgerRun:
        return LedgerRun(
            ledger,
            claim,
            self._newsroom,
            event_time_ms=event.event_time_ms,
            deadline_ms=deadline_at_pace(module.action, event, self._pace),
            pace=self._pace,
            wall_clock=self._wall_clock,
            forbidden=module.guard.check_switch,
        )

    async def _watch_failures(self, module: Module, outcome: Outcome) -> None:
        """Open the module's circuit where it failed too often in a row."""
        if outcome.status is Status.FAILED:
            failures = await self._ledger.failures_in_row(module.name)
            if failures >= module.guard.limits.max_failures:
                await self._ledger.open_circuit(module.name, f"{failures} failures in a row")

    async def _resume_for_ever(self) -> None:
        """Take up runs whose sink died or stopped: at the start, and now and then."""
        while True:
            try:
                await self._resume()
            except LedgerError as error:
                self._told.trouble("ledger", error)
            await asyncio.sleep(self._ledger.lease_seconds)

    async def _resume(self) -> None:
        """Take up every run that nobody has. One of a module that is off now waits until it is on again."""
        for left in await self._ledger.unfinished(self._modules):
            event = parse_body(left.body)
            if isinstance(event, Event):
                self._begun(self._modules[left.module], event, left.received_at_ms)


def _action_id(module: str, event_key: str) -> str:
    return blake2b(f"{module}\x1f{event_key}".encode(), digest_size=16).hexdigest()
