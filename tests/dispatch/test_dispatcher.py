"""One run for an event and a module, however often it comes; one record for every decision."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from sink.action import Action, Cloud, Outcome, Plan, Skip
from sink.config import Limits
from sink.dispatch import Module
from sink.errors import Denied, PermanentError, TemporaryError, Throttled, Unreachable
from sink.events import Event
from tests.dispatch.conftest import Starts, Table, an_event, bench


def table_with(*instance_ids: str) -> Table:
    table = Table()
    for instance_id in instance_ids:
        table.add(instance_id)
    return table


def test_an_event_is_acted_on_and_recorded(tmp_path: Path) -> None:
    """The record says what was done, why, and by which calls."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1")) as one:
            fields = await one.act(an_event())

            assert one.started() == ["start i-1"]
            assert (fields["module"], fields["mode"], fields["status"], fields["reason"]) == (
                "starts",
                "live",
                "done",
                "started",
            )
            assert (fields["instance_id"], fields["region_id"], fields["attempt"]) == (
                "i-1",
                "cn-beijing",
                "1",
            )
            assert fields["event_key"] == an_event().event_key
            assert int(fields["started_at_ms"]) <= int(fields["finished_at_ms"])
            steps = {step["step"]: step for step in json.loads(fields["steps"])}
            assert steps["start i-1"] == {
                "step": "start i-1",
                "api": "StartInstance",
                "request_id": "request-1",
                "ms": 5,
            }

    asyncio.run(work())


def test_a_second_delivery_gets_the_first_record(tmp_path: Path) -> None:
    """Also after a restart of the sink: the ledger remembers."""

    async def work() -> None:
        table = table_with("i-1")
        async with bench(tmp_path, table=table) as one:
            first = await one.act(an_event())
            assert await one.act(an_event()) == first
        async with bench(tmp_path, table=table) as two:
            assert await two.act(an_event()) == first
            assert two.started() == ["start i-1"]

    asyncio.run(work())


def test_deliveries_at_the_same_time_are_one_run(tmp_path: Path) -> None:
    """The second joins the first."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1")) as one:
            records = await asyncio.gather(*(one.act(an_event()) for _ in range(5)))

            assert all(record == records[0] for record in records)
            assert one.started() == ["start i-1"]

    asyncio.run(work())


def test_two_sinks_make_one_effect(tmp_path: Path) -> None:
    """Both were given the message; one acts, the other waits, and both have the same record."""

    async def work() -> None:
        table = table_with("i-1")
        async with bench(tmp_path, table=table) as one, bench(tmp_path, table=table, owner="sink-2") as two:
            first, second = await asyncio.gather(one.act(an_event()), two.act(an_event()))

            assert first == second
            assert one.started() == ["start i-1"]

    asyncio.run(work())


def test_a_run_that_was_stopped_is_resumed_where_it_was(tmp_path: Path) -> None:
    """The order is not given again: the ledger knows of it. Nobody has to deliver the message anew."""

    async def work() -> None:
        table, action = table_with("i-1"), Starts()
        action.hold = asyncio.Event()
        async with bench(tmp_path, table=table, action=action) as one:
            under_way = asyncio.create_task(one.act(an_event()))
            await action.holding.wait()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        assert table.asked.count("start i-1") == 1

        action.hold = None
        async with bench(tmp_path, table=table, action=action) as two:
            fields = await two.act(an_event())
            assert (fields["status"], table.asked.count("start i-1")) == ("done", 1)
            assert "start i-1" in [step["step"] for step in json.loads(fields["steps"])]

    asyncio.run(work())


def test_a_run_left_behind_is_resumed_without_its_message(tmp_path: Path) -> None:
    """At the start of the next sink."""

    async def work() -> None:
        table, action = table_with("i-1"), Starts()
        action.hold = asyncio.Event()
        async with bench(tmp_path, table=table, action=action) as one:
            under_way = asyncio.create_task(one.act(an_event()))
            await action.holding.wait()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        action.holding.clear()

        async with bench(tmp_path, table=table, action=action):
            await asyncio.wait_for(action.holding.wait(), 20)

    asyncio.run(work())


def test_what_repeats_is_told_once_with_its_number(tmp_path: Path) -> None:
    """A run that watches for minutes asks the same again and again."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1"), pace=1000) as one:
            one.action.trouble = [TemporaryError("not yet", retry_after_seconds=1)] * 3
            steps = json.loads((await one.act(an_event()))["steps"])
            assert [(step["step"], step.get("times")) for step in steps if step["step"] == "again later"] == [
                ("again later", 3)
            ]

    asyncio.run(work())


def test_a_skip_is_recorded_with_its_reason(tmp_path: Path) -> None:
    """No action, because: also that is a decision. An alarm is told."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1")) as one:
            one.action.decision = Skip("somebody meant it")
            fields = await one.act(an_event())
            assert (fields["status"], fields["reason"]) == ("skipped", "somebody meant it")
            assert one.heard.alarms == []

            one.action.decision = Skip("gave up", alarm=True)
            await one.act(an_event(number=1))
            assert one.heard.alarms == ["gave up"]
            assert one.started() == []

    asyncio.run(work())


def test_shadow_decides_and_calls_nothing(tmp_path: Path) -> None:
    """Nor does it use up the window of what is live."""

    async def work() -> None:
        async with bench(
            tmp_path, table=table_with("i-1"), mode="shadow", limits=Limits(max_actions=1)
        ) as one:
            for number in range(3):
                fields = await one.act(an_event(number=number))
                assert (fields["status"], fields["mode"], fields["reason"]) == (
                    "shadow",
                    "shadow",
                    "it stopped",
                )
            assert one.started() == []

    asyncio.run(work())


@pytest.mark.parametrize(
    "error",
    [
        TemporaryError("not yet", retry_after_seconds=1),
        Unreachable("ECS", "ServiceUnavailable", "busy"),
        Throttled("ECS", "Throttling.User", "slow down"),
    ],
)
def test_what_may_pass_is_tried_again(tmp_path: Path, error: Exception) -> None:
    """In the same run: the record counts the attempts."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1"), pace=1000) as one:
            one.action.trouble = [error, error]
            fields = await one.act(an_event())
            assert (fields["status"], fields["attempt"]) == ("done", "3")
            assert one.started() == ["start i-1"]

    asyncio.run(work())


def test_what_does_not_pass_ends_when_its_time_is_over(tmp_path: Path) -> None:
    """Patience at the cloud's pace: 900 s are under a second here."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1"), pace=1000) as one:
            one.action.trouble = [TemporaryError("not yet", retry_after_seconds=100)] * 50
            fields = await one.act(an_event())
            assert (fields["status"], fields["reason"]) == ("failed", "no time left: not yet")
            assert one.heard.alarms == [fields["reason"]]

    asyncio.run(work())


@pytest.mark.parametrize("error", [PermanentError("never"), Denied("ECS", "Forbidden.RAM", "not allowed")])
def test_what_is_final_is_tried_once(tmp_path: Path, error: Exception) -> None:
    """An operator has to look."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1")) as one:
            one.action.trouble = [error]
            fields = await one.act(an_event())
            assert (fields["status"], fields["attempt"]) == ("failed", "1")
            assert one.heard.bugs == []

    asyncio.run(work())


def test_a_bug_in_an_action_ends_its_run_and_nothing_else(tmp_path: Path) -> None:
    """It is reported with its traceback, and recorded."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1", "i-2")) as one:
            one.action.trouble = [ZeroDivisionError("oops")]
            fields = await one.act(an_event())
            assert fields["status"] == "failed"
            assert "a bug in starts: ZeroDivisionError" in fields["reason"]
            assert [type(bug) for bug in one.heard.bugs] == [ZeroDivisionError]
            assert (await one.act(an_event("i-2")))["status"] == "done"

    asyncio.run(work())


def test_what_nobody_handles_is_not_wanted(tmp_path: Path) -> None:
    """And makes no record."""

    async def work() -> None:
        async with bench(tmp_path) as one:
            other = an_event(name="Disk:ErrorDetected:Executing")
            assert not one.dispatcher.wants(other)
            assert await one.dispatcher.act(other) == []
            assert one.dispatcher.wants(an_event())

    asyncio.run(work())


class Fails(Action):
    """Another module on the same events."""

    name = "fails"
    handles = ("Instance:*",)

    async def plan(self, event: Event, cloud: Cloud) -> Plan | Skip:
        raise PermanentError("cannot")

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        raise AssertionError


def test_modules_are_independent(tmp_path: Path) -> None:
    """One that fails takes nothing from its neighbour; each has its record."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1"), more=[Module(Fails())]) as one:
            records = await one.dispatcher.act(an_event())
            assert {(record.fields["module"], record.fields["status"]) for record in records} == {
                ("starts", "done"),
                ("fails", "failed"),
            }

    asyncio.run(work())


def test_an_event_received_too_late_is_skipped(tmp_path: Path) -> None:
    """Its deadline is the end of what it gives notice of."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1")) as one:
            one.action.due_ms = an_event().event_time_ms
            fields = await one.act(an_event())
            assert fields["status"] == "skipped"
            assert fields["reason"].startswith("deadline passed")
            assert one.started() == []

    asyncio.run(work())


def test_the_background_is_silent_for_a_run_in_a_hurry_and_for_no_other(tmp_path: Path) -> None:
    """From its very beginning."""

    async def work() -> None:
        async with bench(tmp_path, table=table_with("i-1", "i-2")) as one:
            await one.act(an_event("i-1"))
            assert "hush" not in one.table.asked
            one.table.asked.clear()
            one.action.due_ms = round(time.time() * 1000) + 300_000
            await one.act(an_event("i-2"))
            assert one.table.asked[0] == "hush"
            assert one.table.asked.count("hush") == 1

    asyncio.run(work())


def test_a_notice_is_accounted_for(tmp_path: Path) -> None:
    """How long it was, and how much of it the order used."""

    async def work() -> None:
        event = an_event()
        assert event.event_time_ms is not None
        now = event.event_time_ms / 1000 + 12
        async with bench(tmp_path, table=table_with("i-1"), clock=lambda: now, pace=1) as one:
            one.action.due_ms = event.event_time_ms + 300_000
            fields = await one.act(event)
            assert (fields["notice_ms"], fields["budget_used_ms"]) == ("300000", "12000")

    asyncio.run(work())
