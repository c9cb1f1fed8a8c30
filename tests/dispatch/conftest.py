"""A dispatcher over a real ledger and a cloud that answers from a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

from sink.action import Action, Cloud, GroupState, Instance, Outcome, Plan, Run, Skip, Step, plain
from sink.config import Limits
from sink.dispatch import Dispatcher, Module
from sink.errors import SinkError
from sink.events import Event, parse_body
from sink.guard import Guard
from sink.ledger import Ledger
from tests import samples

MANAGED = {"ecs-event-sink/managed": "true"}


def an_event(instance: str = "i-1", number: int = 0, **outside: Any) -> Event:
    """A stop of an instance, told apart from its others by a number."""
    event = parse_body(samples.state_change(instance=instance, id=f"{instance}-{number}", **outside))
    assert isinstance(event, Event)
    return event


@dataclass
class Table:
    """What the cloud knows; as Doors it opens one door for all."""

    instances: dict[str, Instance] = field(default_factory=dict)
    groups: dict[str, GroupState] = field(default_factory=dict)
    trouble: list[SinkError] = field(default_factory=list)
    """Raised by the next questions."""
    asked: list[str] = field(default_factory=list)

    def add(self, instance_id: str, tags: Mapping[str, str] = MANAGED, **known: Any) -> None:
        self.instances[instance_id] = Instance(instance_id, "cn-beijing", "Stopped", tags=tags, **known)

    def hush(self) -> None:
        self.asked.append("hush")

    def door(self, run: Run) -> Cloud:
        return cast(Cloud, Door(self, run))


@dataclass
class Door:
    """The few questions that guards ask, and an order to count."""

    table: Table
    run: Run

    async def instance(self, instance_id: str) -> Instance | None:
        self.table.asked.append(f"instance {instance_id}")
        if self.table.trouble:
            raise self.table.trouble.pop(0)
        found = self.table.instances.get(instance_id)
        self.run.tell(Step(f"instance {instance_id}", plain(found), "DescribeInstances"))
        return found

    cached_instance = instance

    async def group(self, group: Any, *, fresh: bool = True) -> GroupState:
        self.table.asked.append(f"group {group.group_id} {'fresh' if fresh else 'cached'}")
        found = self.table.groups[group.group_id]
        self.run.tell(Step(f"group {group.group_id}", plain(found), "DescribeVServerGroupAttribute"))
        return found

    async def start(self, instance_id: str) -> None:
        await self.run.intend(f"start {instance_id}")
        self.table.asked.append(f"start {instance_id}")
        self.run.tell(Step(f"start {instance_id}", None, "StartInstance", "request-1", 5))


class Starts(Action):
    """An action that starts whatever stops, and does what it is told to on the way."""

    name = "starts"
    handles = ("Instance:StateChange",)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.decision: Plan | Skip = Plan("it stopped")
        self.trouble: list[Exception] = []
        """Raised by the next calls of carry_out."""
        self.hold: asyncio.Event | None = None
        """Waited for between the order and the outcome."""
        self.holding = asyncio.Event()
        self.due_ms: int | None = None

    def deadline_ms(self, event: Event) -> int | None:
        return self.due_ms

    async def plan(self, event: Event, cloud: Cloud) -> Plan | Skip:
        if isinstance(self.decision, Skip):
            return self.decision
        return Plan(self.decision.reason, self.decision.places, {"instance_id": event.instance_id})

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        if self.trouble:
            raise self.trouble.pop(0)
        instance_id = plan.facts["instance_id"]
        if cloud.run.begun(f"start {instance_id}") is None:
            await cloud.start(instance_id)
        if self.hold is not None:
            self.holding.set()
            await self.hold.wait()
        return Outcome.done("started")


@dataclass
class Heard:
    """Who is told: keeps what it heard."""

    bugs: list[Exception] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def bug(self, error: Exception) -> None:
        self.bugs.append(error)

    def trouble(self, part: str, error: SinkError) -> None:
        self.troubles.append(part)

    def fine(self, part: str) -> None:
        pass

    def acted(self, fields: Mapping[str, str], *, alarm: bool) -> None:
        if alarm:
            self.alarms.append(fields["reason"])


@dataclass
class Bench:
    """A dispatcher, and all that it stands on."""

    dispatcher: Dispatcher
    ledger: Ledger
    table: Table
    action: Starts
    heard: Heard

    async def act(self, event: Event) -> dict[str, str]:
        """The fields of the one record of an event."""
        self.dispatcher.notice([event])
        (record,) = await self.dispatcher.act(event)
        assert record.topic == "action"
        return dict(record.fields)

    def started(self) -> list[str]:
        return [one for one in self.table.asked if one.startswith("start ")]


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    action: Starts | None = None,
    table: Table | None = None,
    limits: Limits | None = None,
    owner: str = "sink-1",
    lease_seconds: float = 1.0,
    clock: Callable[[], float] = time.time,
    pace: float = 1.0,
    more: Sequence[Module] = (),
    **module: Any,
) -> AsyncIterator[Bench]:
    """A dispatcher of one module on the ledger of this folder."""
    action, table, heard = action or Starts(), table or Table(), Heard()
    guard = Guard(limits or Limits(), **{key: module.pop(key) for key in list(module) if key != "mode"})
    async with Ledger.open(
        f"sqlite:///{folder / 'ledger.sqlite3'}", owner, lease_seconds=lease_seconds, clock=clock
    ) as ledger:
        dispatcher = Dispatcher(
            [Module(action, guard, **module), *more],
            ledger,
            table,
            heard,
            sink_id=owner,
            pace=pace,
            wall_clock=clock,
            random=Random(1),
        )
        async with dispatcher:
            yield Bench(dispatcher, ledger, table, action, heard)
