"""Today's settings over what was recorded: the same decide the same, others as they differ."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sink.action import Backend, Group, GroupState, Outcome, Place, Plan, Skip
from sink.config import Limits
from sink.dispatch import Module
from sink.errors import TemporaryError
from sink.events import Event
from sink.guard import Guard
from sink.replay import ACT, NOTHING, UNKNOWN, Compared, replay
from tests.dispatch.conftest import Starts, Table, an_event, bench

GROUP = Group("clb", "vserver", "rsp-1", "lb-1", "cn-beijing")
LIMITS = Limits(max_actions=4, max_group_share=0.4)


class Takes(Starts):
    """Takes a server out of a group, unless its number is odd; looks at the instance once more before."""

    async def plan(self, event: Event, cloud: Any) -> Plan | Skip:
        instance = await cloud.instance(event.instance_id)
        if int(event.instance_id.removeprefix("i-")) % 2:
            return Skip(f"odd: {instance.instance_id}")
        places = (Place(GROUP, Backend(event.instance_id, 80, 100)),)
        return Plan("even", places, {"instance_id": event.instance_id})


EVENTS = [an_event(f"i-{number}") for number in range(14)]


def recorded(tmp_path: Path, **options: Any) -> list[dict[str, str]]:
    """The records of a day: acts, skips, a missing tag, a full window, a group that would lose too much."""

    async def work() -> list[dict[str, str]]:
        table = Table()
        for number in range(14):
            table.add(f"i-{number}", **({"tags": {}} if number == 4 else {}))
        backends = tuple(Backend(f"i-{number}", 80, 100) for number in range(8))
        table.groups["rsp-1"] = GroupState(GROUP, backends, 0)
        async with bench(tmp_path, table=table, action=Takes(), limits=LIMITS, **options) as one:
            return [await one.act(event) for event in EVENTS]

    return asyncio.run(work())


def again(records: Sequence[Mapping[str, str]], limits: Limits = LIMITS, **guard: Any) -> list[Compared]:
    module = Module(Takes(), Guard(limits, **guard))
    return asyncio.run(replay(EVENTS, records, [module]))


def test_the_same_settings_decide_the_same(tmp_path: Path) -> None:
    """Of every sort of decision, in the same words."""
    records = recorded(tmp_path)
    compared = again(records)

    assert [one.differs for one in compared] == [False] * 14
    assert [one.now.verdict for one in compared] == [one.then.verdict for one in compared]
    assert {one.now.cause for one in compared} == {"", "odd", "tag", "group share"}
    assert sum(one.now.verdict == ACT for one in compared) == 3


def test_one_guard_changed_makes_exactly_its_difference(tmp_path: Path) -> None:
    """And what follows from it: who is let pass uses up what others then lack."""
    records = recorded(tmp_path)

    narrower = [one for one in again(records, LIMITS.model_copy(update={"max_actions": 2})) if one.differs]
    assert [(one.event.instance_id, one.then.verdict, one.now.cause) for one in narrower] == [
        ("i-6", ACT, "window"),
        ("i-8", "refused", "window"),
        ("i-10", "refused", "window"),
        ("i-12", "refused", "window"),
    ]
    wider = [one for one in again(records, LIMITS.model_copy(update={"max_group_share": 0.5})) if one.differs]
    assert [(one.event.instance_id, one.then.cause, one.now.verdict, one.now.cause) for one in wider] == [
        ("i-8", "group share", ACT, ""),
        ("i-10", "group share", "refused", "window"),
        ("i-12", "group share", "refused", "window"),
    ]
    untagged = [one for one in again(records, LIMITS.model_copy(update={"tag": "other"})) if one.differs]
    assert {one.now.cause for one in untagged} == {"tag"}


def test_what_was_not_asked_then_is_unknown(tmp_path: Path) -> None:
    """Refused before anything was read: what the cloud would have said, nobody knows."""
    records = recorded(tmp_path, account="2000000000000002")
    compared = again(records)

    assert {one.then.cause for one in compared} == {"account"}
    assert {one.now.verdict for one in compared} == {UNKNOWN}
    assert "nothing recorded of: instance i-0" in compared[0].now.reason
    assert not any(one.differs for one in compared)


def test_a_module_that_was_off_is_said_to_have_been(tmp_path: Path) -> None:
    """There is no decision to compare with."""
    compared = again([])
    assert {one.then.verdict for one in compared} == {NOTHING}


def test_a_shadow_is_compared_as_if_it_had_been_live(tmp_path: Path) -> None:
    """It would have acted."""
    records = recorded(tmp_path, mode="shadow")
    compared = again(records)
    assert compared[0].then.verdict == ACT
    assert not compared[0].differs


def test_an_answer_that_was_given_several_times_is_given_as_often(tmp_path: Path) -> None:
    """Records tell what repeats once: a later answer must not come too early."""

    class Looks(Takes):
        table: Table

        async def plan(self, event: Event, cloud: Any) -> Plan | Skip:
            return (
                Skip("it changed")
                if (await cloud.instance("i-0")).status != "Stopped"
                else Plan("it has not")
            )

        async def carry_out(self, plan: Plan, cloud: Any) -> Any:
            self.table.instances["i-0"] = replace(self.table.instances["i-0"], status="Running")
            await cloud.instance("i-0")
            return Outcome.done("it has by now")

    async def work() -> dict[str, str]:
        table = Table()
        table.add("i-0")
        action = Looks()
        action.table = table
        async with bench(tmp_path, table=table, action=action) as one:
            return await one.act(EVENTS[0])

    record = asyncio.run(work())
    (compared,) = asyncio.run(replay(EVENTS[:1], [record], [Module(Looks(), Guard())]))
    assert (compared.then.verdict, compared.now.verdict) == (ACT, ACT)


class Dawdles(Starts):
    """Takes what it is told to; `i-0` plans only once all others have been decided about."""

    def __init__(self, takes: Mapping[str, Sequence[Group]], *, due_ms: int | None = None) -> None:
        super().__init__()
        self.takes = takes
        self.due_ms = due_ms
        self.others_ended = asyncio.Event()

    async def plan(self, event: Event, cloud: Any) -> Plan | Skip:
        if event.instance_id == "i-0":
            await self.others_ended.wait()
        server = Backend(event.instance_id, 80, 100)
        places = tuple(Place(group, server) for group in self.takes[event.instance_id])
        return Plan("told to", places, {"instance_id": event.instance_id})


def overtaken(folder: Path, action: Dawdles, limits: Limits) -> list[dict[str, str]]:
    """The records of events of which the first one is received first and admitted later than the second."""

    async def work() -> list[dict[str, str]]:
        table = Table()
        for name in action.takes:
            table.add(name)
        for group in {group for groups in action.takes.values() for group in groups}:
            servers = tuple(Backend(f"i-{number}", 80, 100) for number in range(5))
            table.groups[group.group_id] = GroupState(group, servers, 0)
        first, second, *later = EVENTS[: len(action.takes)]
        async with bench(folder, table=table, action=action, limits=limits) as one:
            dawdling = asyncio.create_task(one.act(first))
            records = [await one.act(second)]
            action.others_ended.set()
            return [await dawdling, *records, *[await one.act(event) for event in later]]

    return asyncio.run(work())


def test_who_was_admitted_first_is_admitted_first_again(tmp_path: Path) -> None:
    """Whoever was received first came too late for the only slot, as it did then."""
    action, limits = Dawdles({"i-0": (), "i-1": ()}), Limits(max_actions=1)
    records = overtaken(tmp_path, action, limits)
    assert [one["status"] for one in records] == ["refused", "done"]

    compared = asyncio.run(replay(EVENTS[:2], records, [Module(action, Guard(limits))]))

    assert [one.now.verdict for one in compared] == ["refused", ACT]
    assert not any(one.differs for one in compared)


def test_who_got_only_a_part_takes_only_that_again(tmp_path: Path) -> None:
    """The first lost one of its groups to the second, and took the other before the third."""
    other = replace(GROUP, group_id="rsp-2")
    takes = {"i-0": (GROUP, other), "i-1": (GROUP,), "i-2": (other,)}
    limits = Limits(max_group_share=0.2)
    action = Dawdles(takes, due_ms=round(time.time() * 1000) + 600_000)
    records = overtaken(tmp_path, action, limits)
    assert [one["status"] for one in records] == ["done", "done", "refused"]

    compared = asyncio.run(replay(EVENTS[:3], records, [Module(action, Guard(limits))]))

    assert [one.now.verdict for one in compared] == [ACT, ACT, "refused"]
    assert not any(one.differs for one in compared)


def test_waiting_is_replayed_on_the_clock_of_then(tmp_path: Path) -> None:
    """A young instance's tag came late: answers come in their order, and no time is lost now."""

    async def work() -> dict[str, str]:
        table = Table()
        table.add("i-0", tags={}, created_at_ms=round(time.time() * 1000))
        table.groups["rsp-1"] = GroupState(GROUP, tuple(Backend(f"i-{n}", 80, 100) for n in range(8)), 0)
        async with bench(tmp_path, table=table, action=Takes(), limits=LIMITS, pace=20) as one:
            under_way = asyncio.create_task(one.act(EVENTS[0]))
            while len(table.asked) < 5:
                await asyncio.sleep(0)
            table.add("i-0")
            return await under_way

    record = asyncio.run(work())
    began = time.monotonic()
    compared = asyncio.run(replay(EVENTS[:1], [record], [Module(Takes(), Guard(LIMITS))], pace=1))

    assert compared[0].now.verdict == compared[0].then.verdict == ACT
    assert time.monotonic() - began < 5


def test_a_bug_on_recorded_facts_is_raised(tmp_path: Path) -> None:
    """A replay that hides it would recommend the settings that have it."""

    class Broken(Takes):
        async def plan(self, event: Event, cloud: Any) -> Plan | Skip:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(replay(EVENTS, recorded(tmp_path), [Module(Broken(), Guard(LIMITS))]))


def test_a_run_that_failed_after_its_admission_was_a_decision_to_act(tmp_path: Path) -> None:
    """What came of it is another question."""

    class Fails(Takes):
        async def carry_out(self, plan: Plan, cloud: Any) -> Any:
            raise TemporaryError("no", retry_after_seconds=10_000)

    async def work() -> dict[str, str]:
        table = Table()
        table.add("i-0")
        table.groups["rsp-1"] = GroupState(GROUP, tuple(Backend(f"i-{n}", 80, 100) for n in range(8)), 0)
        async with bench(tmp_path, table=table, action=Fails(), limits=LIMITS) as one:
            return await one.act(EVENTS[0])

    record = asyncio.run(work())
    assert record["status"] == "failed"
    (compared,) = asyncio.run(replay(EVENTS[:1], [record], [Module(Takes(), Guard(LIMITS))]))
    assert (compared.then.verdict, compared.now.verdict) == (ACT, ACT)


def test_a_circuit_is_replayed(tmp_path: Path) -> None:
    """A lower limit for a mass event would have opened it."""
    compared = again(recorded(tmp_path), LIMITS.model_copy(update={"mass_events": 3, "mass_seconds": 3600}))
    assert [one.now.cause for one in compared][4:] == ["circuit"] * 10
    assert replace(compared[0], now=compared[0].then).differs is False
