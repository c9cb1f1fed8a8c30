"""What stands between an event and an order: guards, tags, admission, the circuit."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sink.action import Backend, Group, GroupState, Place, Plan
from sink.config import Limits
from sink.errors import Denied, TemporaryError, Unreachable
from tests.dispatch.conftest import Bench, Starts, Table, an_event, bench

GROUP = Group("clb", "vserver", "rsp-1", "lb-1", "cn-beijing")


def outcome(tmp_path: Path, event: Any, table: Table | None = None, **options: Any) -> dict[str, str]:
    """The record of one event on a bench of its own, which started nothing unless it is done."""

    async def work() -> dict[str, str]:
        async with bench(tmp_path, table=table or the_table(), **options) as one:
            fields = await one.act(event)
            assert bool(one.started()) == (fields["status"] == "done")
            return fields

    return asyncio.run(work())


def the_table(**known: Any) -> Table:
    table = Table()
    table.add("i-1", **known)
    return table


def test_the_kill_switch_stops_everything(tmp_path: Path) -> None:
    """Nothing is asked of the cloud either."""
    switch, table = tmp_path / "STOP", the_table()
    switch.touch()
    fields = outcome(tmp_path, an_event(), table, kill_switch=switch)
    assert (fields["status"], fields["reason"].split(":")[0]) == ("refused", "kill switch")
    assert table.asked == []


def test_the_kill_switch_stops_a_run_before_its_next_order(tmp_path: Path) -> None:
    """Whatever was planned: the file may appear at any time."""

    async def work() -> None:
        switch = tmp_path / "STOP"
        action = Starts()
        plan = action.plan

        async def plan_and_switch(event: Any, cloud: Any) -> Any:
            switch.touch()
            return await plan(event, cloud)

        action.plan = plan_and_switch  # type: ignore[method-assign]
        async with bench(tmp_path, table=the_table(), action=action, kill_switch=switch) as one:
            fields = await one.act(an_event())
            assert (fields["status"], fields["reason"].split(":")[0]) == ("failed", "kill switch")
            assert one.started() == []

    asyncio.run(work())


@pytest.mark.parametrize(
    ("event", "options", "guard"),
    [
        (an_event("i-b***2"), {}, "instance id"),
        (an_event(), {"account": "2000000000000002"}, "account"),
        (an_event(), {"regions": frozenset({"cn-hangzhou"})}, "region"),
    ],
)
def test_a_foreign_event_never_reaches_an_api(
    tmp_path: Path, event: Any, options: dict[str, Any], guard: str
) -> None:
    """Masked ids, other accounts, other regions."""
    table = the_table()
    fields = outcome(tmp_path, event, table, **options)
    assert (fields["status"], fields["reason"].split(":")[0]) == ("refused", guard)
    assert table.asked == []


def test_an_instance_without_the_tag_is_left_alone(tmp_path: Path) -> None:
    """An old one at once: its tags would be there."""
    fields = outcome(tmp_path, an_event(), the_table(tags={}))
    assert (fields["status"], fields["reason"].split(":")[0]) == ("refused", "tag")
    assert fields["attempt"] == "1"


def test_a_protected_instance_is_left_alone(tmp_path: Path) -> None:
    """Whatever else it is tagged with."""
    tags = {"ecs-event-sink/managed": "true", "ecs-event-sink/protect": "yes"}
    fields = outcome(tmp_path, an_event(), the_table(tags=tags))
    assert (fields["status"], fields["reason"].split(":")[0]) == ("refused", "protect tag")


def test_the_tag_of_a_young_instance_is_waited_for(tmp_path: Path) -> None:
    """Tags come later than the instance."""

    async def work() -> None:
        table = the_table(tags={}, created_at_ms=round(time.time() * 1000))
        async with bench(tmp_path, table=table, pace=20) as one:
            under_way = asyncio.create_task(one.act(an_event()))
            while len(table.asked) < 2:
                await asyncio.sleep(0)
            table.add("i-1")
            assert (await under_way)["status"] == "done"

    asyncio.run(work())


def test_a_young_instance_that_stays_untagged_is_left_alone(tmp_path: Path) -> None:
    """For the set time it is looked at again, then never."""
    table = the_table(tags={}, created_at_ms=round(time.time() * 1000))
    fields = outcome(tmp_path, an_event(), table, pace=200)
    assert (fields["status"], fields["reason"].split(":")[0]) == ("refused", "tag")
    assert int(fields["attempt"]) > 2


def test_tags_that_cannot_be_read_are_no_tags(tmp_path: Path) -> None:
    """Denied: at once. Unreachable: for as long as there is time."""
    denied, away = the_table(), the_table()
    denied.trouble = [Denied("ECS", "Forbidden.RAM", "no")]
    away.trouble = [Unreachable("ECS", "", "away")] * 500
    assert outcome(tmp_path / "a", an_event(), denied)["status"] == "failed"
    assert outcome(tmp_path / "b", an_event(), away, pace=3000)["status"] == "failed"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()


def test_an_instance_that_is_gone_needs_nothing(tmp_path: Path) -> None:
    """Released meanwhile."""
    fields = outcome(tmp_path, an_event(), Table())
    assert (fields["status"], fields["reason"]) == ("skipped", "i-1 is not there any more")


def test_the_window_holds_however_many_come_at_once(tmp_path: Path) -> None:
    """Two sinks, twenty events, five slots."""

    async def work() -> None:
        table, limits = Table(), Limits(max_actions=5)
        for number in range(20):
            table.add(f"i-{number}")
        async with (
            bench(tmp_path, table=table, limits=limits) as one,
            bench(tmp_path, table=table, limits=limits, owner="sink-2") as two,
        ):
            sinks = [one, two]
            ended = await asyncio.gather(*(sinks[n % 2].act(an_event(f"i-{n}")) for n in range(20)))
            assert sorted(fields["status"] for fields in ended) == ["done"] * 5 + ["refused"] * 15
            assert len(one.started()) == 5

    asyncio.run(work())


def taking(server_id: str) -> Plan:
    return Plan("it goes", (Place(GROUP, Backend(server_id, 80, 100)),))


async def take(one: Bench, server_id: str) -> dict[str, str]:
    one.action.decision = taking(server_id)
    return await one.act(an_event(server_id))


def test_a_group_is_never_emptied(tmp_path: Path) -> None:
    """Of three servers, each may go by itself, but not all: half of them, within the window."""

    async def work() -> None:
        table = Table()
        for number in range(3):
            table.add(f"i-{number}")
        backends = tuple(Backend(f"i-{number}", 80, 100) for number in range(3))
        table.groups["rsp-1"] = GroupState(GROUP, backends, 0)
        async with bench(tmp_path, table=table) as one:
            assert (await take(one, "i-0"))["status"] == "done"
            refused = await take(one, "i-1")
            assert (refused["status"], refused["reason"].split(":")[0]) == ("refused", "group share")

    asyncio.run(work())


def test_a_group_near_its_end_is_read_anew(tmp_path: Path) -> None:
    """A cached state is good enough only while one server less does not matter."""

    async def work() -> None:
        for size, reads in ((5, ["cached"]), (2, ["cached", "fresh"])):
            table = the_table()
            table.add("i-0")
            backends = tuple(Backend(f"i-{number}", 80, 100) for number in range(size))
            table.groups["rsp-1"] = GroupState(GROUP, backends, 0)
            (tmp_path / str(size)).mkdir()
            async with bench(tmp_path / str(size), table=table) as one:
                await take(one, "i-0")
            assert [asked.split()[-1] for asked in table.asked if asked.startswith("group")] == reads

    asyncio.run(work())


def test_failures_in_a_row_open_the_circuit_until_it_is_closed(tmp_path: Path) -> None:
    """And a success in between counts them anew."""

    async def work() -> None:
        table = the_table()
        async with bench(tmp_path, table=table, limits=Limits(max_failures=2)) as one:
            failing = [TemporaryError("no", retry_after_seconds=10_000)]

            async def fails(number: int) -> str:
                one.action.trouble = list(failing)
                return (await one.act(an_event(number=number)))["status"]

            assert await fails(1) == "failed"
            assert (await one.act(an_event(number=2)))["status"] == "done"
            assert [await fails(number) for number in (3, 4)] == ["failed", "failed"]
            refused = await one.act(an_event(number=5))
            assert (refused["status"], refused["reason"]) == ("refused", "circuit: 2 failures in a row")

            assert await one.ledger.close_circuit("starts")
            assert (await one.act(an_event(number=6)))["status"] == "done"

    asyncio.run(work())


def test_a_circuit_closes_by_itself_when_it_has_cooled_down(tmp_path: Path) -> None:
    """After cooldown_minutes, unless somebody does before."""

    async def work() -> None:
        ahead = 0.0
        table = the_table()
        limits = Limits(max_failures=1, cooldown_minutes=10)
        async with bench(tmp_path, table=table, limits=limits, clock=lambda: time.time() + ahead) as one:
            await one.ledger.open_circuit("starts", "for a test")
            assert (await one.act(an_event(number=1)))["status"] == "refused"
            ahead = 601
            assert (await one.act(an_event(number=2)))["status"] == "done"

    asyncio.run(work())


def test_a_mass_event_opens_the_circuit(tmp_path: Path) -> None:
    """When everything stops at once, something else is wrong; the events are stored all the same."""

    async def work() -> None:
        table, limits = Table(), Limits(mass_events=5, max_actions=100)
        for number in range(12):
            table.add(f"i-{number}")
        async with bench(tmp_path, table=table, limits=limits) as one:
            ended = [await one.act(an_event(f"i-{number}")) for number in range(12)]
            assert [fields["status"] for fields in ended] == ["done"] * 5 + ["refused"] * 7
            assert "mass event: 6 instances" in ended[-1]["reason"]

    asyncio.run(work())


def test_the_window_passes_at_the_pace_of_the_cloud(tmp_path: Path) -> None:
    """Ten minutes are ten seconds in a cloud that lives 60 times as fast."""

    async def work() -> None:
        ahead = 0.0
        table, limits = the_table(), Limits(max_actions=1)
        async with bench(
            tmp_path, table=table, limits=limits, pace=60, clock=lambda: time.time() + ahead
        ) as one:
            statuses = [(await one.act(an_event(number=number)))["status"] for number in (1, 2)]
            ahead = 11
            statuses.append((await one.act(an_event(number=3)))["status"])
            assert statuses == ["done", "refused", "done"]

    asyncio.run(work())
