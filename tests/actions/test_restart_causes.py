"""The decision table of `restart`: what explains a stop, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actions.restart import RestartOptions
from actions.restart.causes import Facts, Wait, explain
from sink.action import Earlier, Instance, News, Order, ScalingMember, Skip
from sink.events import INTERRUPTION, STATE_CHANGE

STOPPED_MS = 1_800_000_000_000
NOW_MS = STOPPED_MS + 180_000
MINUTE_MS = 60_000
CRASHED = Instance("i-1", "cn-beijing", "Stopped", stopped_mode="KeepCharging")


def facts(**known: Any) -> Facts:
    """A crash three minutes ago of which everything was asked, but for what is `known` otherwise."""
    base = {"at_ms": STOPPED_MS, "now_ms": NOW_MS, "pace": 1.0, "options": RestartOptions()}
    return Facts(**{**base, "instance": CRASHED, **known})


def instance(**known: Any) -> dict[str, Instance]:
    return {"instance": replace(CRASHED, **known)}


def news(kind: str, status: str = "", minutes: float = -1) -> dict[str, Any]:
    """One event, so many minutes after the stop."""
    return {"news": [News(kind, status, STOPPED_MS + round(minutes * MINUTE_MS))]}


def order(name: str, minutes: float = -1) -> dict[str, Any]:
    return {"orders": [Order(name, STOPPED_MS + round(minutes * MINUTE_MS), "alice", "ApiCall")]}


def failing(what: str, status: str, minutes: float = -1) -> dict[str, Any]:
    return news(f"Instance:{what}", status, minutes)


def earlier(*minutes: float) -> dict[str, Any]:
    """Earlier starts, so many minutes before now."""
    return {"earlier": [Earlier(f"{one}", NOW_MS - round(one * MINUTE_MS), "done") for one in minutes]}


SKIPPED: list[tuple[str, dict[str, Any], str]] = [
    ("notice", news(INTERRUPTION), "spot reclaim"),
    ("notice told after the stop", news(INTERRUPTION, "", 1), "spot reclaim"),
    ("lock of a reclaim", instance(locks=("recycling",)), "spot reclaim"),
    ("security lock", instance(locks=("security",)), "locked: security"),
    ("financial lock", instance(locks=("financial",)), "locked: financial"),
    ("lock of a dedicated host", instance(locks=("dedicatedhostfinancial",)), "locked"),
    ("refunded", instance(locks=("refunded",)), "locked: refunded"),
    ("a lock to come", instance(locks=("unheard-of",)), "locked: unheard-of"),
    ("expired", instance(expires_at_ms=NOW_MS), "expired"),
    ("released in a minute", instance(auto_release_at_ms=NOW_MS + MINUTE_MS), "about to be released"),
    ("failed creation", failing("SystemFailure.Delete", "Executing"), "failed creation"),
    ("recovery mode", failing("SystemFailure.Stop", "Executed"), "recovery mode"),
    ("economical mode", instance(stopped_mode="StopCharging"), "deliberate: economical"),
    (
        "reclaimed into economical mode",
        instance(
            stopped_mode="StopCharging", spot_strategy="SpotAsPriceGo", spot_interruption_behavior="Stop"
        ),
        "spot reclaim",
    ),
    ("stop by API", order("StopInstance"), "deliberate: StopInstance by alice"),
    ("stop of many", order("StopInstances"), "deliberate"),
    ("release", order("DeleteInstance"), "deliberate"),
    ("release of many", order("DeleteInstances"), "deliberate"),
    ("release by the platform", order("Release"), "deliberate"),
    ("stop rounded to a later second", order("StopInstance", 1 / 60), "deliberate"),
    ("gone", {"instance": None}, "not there any more"),
    ("running", instance(status="Running"), "it is Running already"),
    ("starting", instance(status="Starting"), "it is Starting already"),
    ("pending", instance(status="Pending"), "it is Pending already"),
    ("in a scaling group", {"member": ScalingMember("asg-1", "InService")}, "scaling group: asg-1"),
    ("started too often", earlier(50, 40, 30), "gave up: started 3 times within 60 minutes"),
    ("stale: seen Running", news(STATE_CHANGE, "Running", 1), "seen Running after this stop"),
    ("stale: seen Starting", news(STATE_CHANGE, "Starting", 1), "seen Starting after this stop"),
    ("stale: seen Deleted", news(STATE_CHANGE, "Deleted", 1), "seen Deleted after this stop"),
    ("stale: started since", instance(started_at_ms=STOPPED_MS + MINUTE_MS), "started after this stop"),
]

WAITED: list[tuple[str, dict[str, Any], float]] = [
    ("stopping", instance(status="Stopping"), 5),
    ("host failure being repaired", failing("SystemFailure.Reboot", "Executing"), 30),
    ("redeployed", failing("SystemFailure.Redeploy", "Executing"), 30),
    ("guest failure being repaired", failing("InstanceFailure.Reboot", "Executing"), 30),
    ("maintenance", failing("SystemMaintenance.Reboot", "Executing"), 30),
    ("the last of the platform's time", failing("SystemFailure.Reboot", "Executing", -11.9), 6),
    ("rebooted by somebody", order("RebootInstance"), 30),
    ("many rebooted by somebody", order("RebootInstances"), 30),
    ("started half a minute ago", {**earlier(0.25), "options": RestartOptions()}, 15),
    ("started twice already", earlier(20, 0.5), 30),
    ("trail still late", {"now_ms": STOPPED_MS + 20_000}, 100),
]

STARTED: list[tuple[str, dict[str, Any]]] = [
    ("a crash", {}),
    ("a notice of long ago", news(INTERRUPTION, "", -31)),
    ("expires later", instance(expires_at_ms=NOW_MS + 1)),
    ("released tomorrow", instance(auto_release_at_ms=NOW_MS + 1440 * MINUTE_MS)),
    ("creation failed in another life", failing("SystemFailure.Delete", "Executed", -31)),
    ("recovery mode of long ago", failing("SystemFailure.Stop", "Executed", -31)),
    ("a repair that is over", failing("SystemFailure.Reboot", "Executed")),
    ("a repair that failed", failing("SystemFailure.Reboot", "Failed")),
    ("a repair that never ends", failing("SystemFailure.Reboot", "Executing", -12.1)),
    ("maintenance to come", failing("SystemMaintenance.Reboot", "Scheduled")),
    ("other news", failing("InstanceFailure.Alert", "Executed")),
    ("an order after the stop", order("StopInstance", 1)),
    ("an order that stops nothing", order("ModifyInstanceAttribute")),
    ("a reboot that never ends", order("RebootInstance", -12.1)),
    (
        "a stop that was followed by a start",
        {**order("StopInstance", -20), **news(STATE_CHANGE, "Starting", -10)},
    ),
    (
        "a stop before its last start",
        {**order("StopInstance", -20), **instance(started_at_ms=STOPPED_MS - 10 * MINUTE_MS)},
    ),
    ("a reboot that came up", {**order("RebootInstance"), **news(STATE_CHANGE, "Starting", -0.5)}),
    ("a spot instance", instance(spot_strategy="SpotAsPriceGo", spot_interruption_behavior="Stop")),
    (
        "in a scaling group, as told",
        {
            "member": ScalingMember("asg-1", "InService"),
            "options": RestartOptions(scaling_groups="restart"),
        },
    ),
    ("started twice, some time ago", earlier(50, 40)),
    ("seen Running before", news(STATE_CHANGE, "Running", -1)),
    ("seen Stopped after", news(STATE_CHANGE, "Stopped", 1)),
    (
        "at once where the trail is not asked",
        {"now_ms": STOPPED_MS, "options": RestartOptions(consult_actiontrail=False)},
    ),
]


@pytest.mark.parametrize(("known", "reason"), [row[1:] for row in SKIPPED], ids=[row[0] for row in SKIPPED])
def test_what_explains_a_stop_is_left(known: dict[str, Any], reason: str) -> None:
    """Each row of the table, with the reason that goes into the record."""
    decision = explain(facts(**known))

    assert isinstance(decision, Skip)
    assert reason in decision.reason


@pytest.mark.parametrize(("known", "seconds"), [row[1:] for row in WAITED], ids=[row[0] for row in WAITED])
def test_what_is_not_over_is_looked_at_again(known: dict[str, Any], seconds: float) -> None:
    """It may yet be explained, or end by itself."""
    decision = explain(facts(**known))

    assert isinstance(decision, Wait)
    assert decision.seconds == pytest.approx(seconds)


@pytest.mark.parametrize("known", [row[1] for row in STARTED], ids=[row[0] for row in STARTED])
def test_what_nothing_explains_is_started(known: dict[str, Any]) -> None:
    """The other side of each row."""
    assert explain(facts(**known)) is None


def test_only_giving_up_is_an_alarm() -> None:
    """Everything else is as it should be."""
    alarms = [name for name, known, _ in SKIPPED if getattr(explain(facts(**known)), "alarm", False)]

    assert alarms == ["started too often"]


def test_a_pause_doubles_up_to_its_longest() -> None:
    """first_delay_seconds, twice as much each time, longest_delay_seconds."""
    options = RestartOptions(max_attempts=9, first_delay_seconds=40, longest_delay_seconds=100)
    pauses = [explain(facts(options=options, **earlier(*range(count - 1, -1, -1)))) for count in (1, 2, 3, 4)]

    assert [one.seconds for one in pauses if isinstance(one, Wait)] == [40, 80, 100, 100]


def test_times_are_the_clouds_own() -> None:
    """In a cloud that lives 60 times as fast, half an hour is half a minute."""
    fast = {"pace": 60.0, "now_ms": STOPPED_MS + 3_000}

    assert explain(facts(**fast, **news(INTERRUPTION, "", -0.51))) is None
    assert isinstance(explain(facts(**fast, **news(INTERRUPTION, "", -0.49))), Skip)


FORBIDDING: list[dict[str, Any]] = [known for _, known, _ in SKIPPED]
ALL_NEWS = st.lists(
    st.builds(
        News,
        kind=st.sampled_from(
            [
                STATE_CHANGE,
                INTERRUPTION,
                "Instance:SystemFailure.Reboot",
                "Instance:SystemFailure.Stop",
                "Instance:SystemMaintenance.Reboot",
                "Instance:InstanceFailure.Reboot",
                "Disk:Stalled",
            ]
        ),
        status=st.sampled_from(["Executing", "Executed", "Failed", "Running", "Starting", "Stopped", ""]),
        event_time_ms=st.integers(STOPPED_MS - 3_600_000, NOW_MS),
    ),
    max_size=6,
)
ALL_ORDERS = st.lists(
    st.builds(
        Order,
        name=st.sampled_from(["StopInstance", "StartInstance", "RebootInstance", "DeleteInstances"]),
        at_ms=st.integers(STOPPED_MS - 1_800_000, NOW_MS),
        by=st.sampled_from(["alice", "root"]),
        event_type=st.just("ApiCall"),
    ),
    max_size=4,
)


@given(forbidding=st.sampled_from(FORBIDDING), more=ALL_NEWS, orders=ALL_ORDERS)
def test_nothing_is_started_while_anything_forbids_it(
    forbidding: dict[str, Any], more: list[News], orders: list[Order]
) -> None:
    """Whatever else is known: only a start in between takes the force from an order."""
    assume(
        "orders" not in forbidding
        or not any(one.kind == STATE_CHANGE and one.status == "Starting" for one in more)
    )
    everything = facts(**forbidding)
    crowded = replace(everything, news=[*everything.news, *more], orders=[*everything.orders, *orders])

    assert explain(crowded) is not None


@given(data=st.data(), heard=ALL_NEWS, orders=ALL_ORDERS)
def test_the_order_in_which_news_came_is_no_matter(
    data: st.DataObject, heard: list[News], orders: list[Order]
) -> None:
    """MNS keeps none."""
    other = facts(news=data.draw(st.permutations(heard)), orders=data.draw(st.permutations(orders)))

    assert explain(other) == explain(facts(news=heard, orders=orders))
