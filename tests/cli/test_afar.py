"""Actions in the parent, asked for by a worker: what is said over the link, and what is left out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from sink.action import Action, Cloud, Outcome, Plan
from sink.cli.run.afar import ActionsAfar
from sink.cli.run.link import Asked, Ended, Heard, Link
from sink.dispatch import Newsroom
from sink.errors import SinkError
from sink.events import Event, Record, parse_body
from tests import samples

RECORDS = [Record.of("action", 5, {"status": "done"})]


class Starts(Action):
    """Wants what has stopped."""

    name = "starts"
    handles = ("Instance:StateChange",)

    async def plan(self, event: Event, cloud: Cloud) -> Plan:
        raise NotImplementedError

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        raise NotImplementedError


@dataclass
class Ends:
    """The parent's end of a link, and the actions at the worker's."""

    parent: Link
    actions: ActionsAfar

    async def next(self) -> object:
        """What the parent is told next."""
        return await asyncio.wait_for(self.parent.receive(), 5)


@asynccontextmanager
async def linked() -> AsyncIterator[Ends]:
    """A parent and a worker that listens as `worker.py` does."""
    ours, theirs = socket.socketpair()
    parent, worker = await Link.over(ours), await Link.over(theirs)
    actions = ActionsAfar([Starts()], worker)

    async def listen() -> None:
        while isinstance(message := await worker.receive(), Ended):
            actions.ended(message)
        actions.give_up()

    listening = asyncio.create_task(listen())
    try:
        yield Ends(parent, actions)
    finally:
        await parent.close()
        await listening
        await worker.close()


def event(state: str = "Stopped") -> Event:
    found = parse_body(samples.state_change(state))
    assert isinstance(found, Event)
    return found


def everything() -> list[Event]:
    """Every sample that is an event."""
    bodies = [path.read_text(encoding="utf-8") for path in samples.paths()]
    return [one for one in map(parse_body, bodies) if isinstance(one, Event)]


def test_the_records_of_a_run_come_back() -> None:
    """Each to whoever asked, in whatever order they end; the event is asked for by its body."""

    async def ask() -> tuple[Sequence[object], Sequence[object]]:
        async with linked() as ends:
            stopped, running = event("Stopped"), event("Running")
            first = asyncio.create_task(ends.actions.act(stopped))
            second = asyncio.create_task(ends.actions.act(running))
            asked = [await ends.next(), await ends.next()]
            ends.parent.send(Ended(1, RECORDS))
            ends.parent.send(Ended(0, []))
            return asked, [await first, await second]

    asked, records = asyncio.run(ask())

    assert asked == [Asked(0, event("Stopped").body), Asked(1, event("Running").body)]
    assert records == [[], RECORDS]


def test_a_bug_in_the_parent_raises_here() -> None:
    """So that the message is given back, as it is where the actions are at home."""

    async def ask() -> None:
        async with linked() as ends:
            asking = asyncio.create_task(ends.actions.act(event()))
            await ends.next()
            ends.parent.send(Ended(0, None))
            await asking

    with pytest.raises(SinkError, match="raised in the parent"):
        asyncio.run(ask())


def test_who_waits_is_cancelled_when_the_parent_is_gone() -> None:
    """And who asks after that, at once."""

    async def ask() -> list[BaseException | Sequence[Record]]:
        async with linked() as ends:
            before = asyncio.create_task(ends.actions.act(event()))
            await ends.next()
            await ends.parent.close()
            (waited,) = await asyncio.gather(before, return_exceptions=True)
            (asked,) = await asyncio.gather(ends.actions.act(event()), return_exceptions=True)
            return [waited, asked]

    assert [type(one) for one in asyncio.run(ask())] == [asyncio.CancelledError] * 2


def test_events_are_heard_of_before_what_is_asked_for_them() -> None:
    """A decision goes by all that came with its event."""

    async def notice() -> list[object]:
        async with linked() as ends:
            ends.actions.notice([event("Stopping"), event("Stopped")])
            asking = asyncio.create_task(ends.actions.act(event("Stopped")))
            told = [await ends.next(), await ends.next()]
            asking.cancel()
            return told

    heard, asked = asyncio.run(notice())

    assert isinstance(heard, Heard)
    assert [one.state for one in heard.events] == ["Stopping", "Stopped"]
    assert isinstance(asked, Asked)


def test_what_is_left_out_of_an_event_is_no_news() -> None:
    """The newsroom remembers the same of what a worker tells as of the event itself."""
    whole, told = Newsroom(), Newsroom()
    for one in everything():
        whole.hear(one)
    for one in Heard.of(everything()).events:
        told.hear(one)

    instances = {one.instance_id for one in everything()}
    assert len(instances) > 3
    assert {one: whole.of(one) for one in instances} == {one: told.of(one) for one in instances}


def test_a_parent_that_does_not_listen_costs_no_memory() -> None:
    """News that it has not taken are few, however many come."""

    async def flood() -> int:
        async with linked() as ends:
            long = replace(event(), kind="x" * 100_000)
            for _ in range(300):
                ends.actions.notice([long])
            return ends.actions._link.unsent_bytes

    assert 7_000_000 < asyncio.run(flood()) < 9_000_000


def test_it_wants_what_the_actions_want() -> None:
    """They are asked here: most events need not go to the parent."""

    async def ask() -> list[bool]:
        async with linked() as ends:
            other = replace(event(), kind="Instance:SystemMaintenance.Reboot")
            return [ends.actions.wants(event()), ends.actions.wants(other)]

    assert asyncio.run(ask()) == [True, False]
