"""The way to the API: in the order of deadlines, within the vendor's rates, again where it may pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, TypeVar

import pytest

from sink.cloud.api import Api
from sink.cloud.calls import Answer, Call, Document
from sink.cloud.gate import Gate
from sink.cloud.rates import Rate
from sink.cloud.turn import Turn
from sink.credentials import LOCAL_KEYS
from sink.errors import Denied, Missing, Rejected, Throttled, Unreachable
from tests.cloud.world import PACE, QUICK, Scene, everything_at, in_
from tests.faults import inject
from tests.local.conftest import until_waiting
from tests.local.pop_client import REGION
from tests.processes import wait_until

T = TypeVar("T")


class Held:
    """The API, but that one of its calls is under way until it is let go."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.has_come, self.may_go = asyncio.Event(), asyncio.Event()

    async def __call__(self, call: Call[T]) -> Answer[T]:
        if call.action == "DescribeZones":
            self.has_come.set()
            await asyncio.wait_for(self.may_go.wait(), 30)
        return await self._api(call)


@asynccontextmanager
async def gate(url: str, **options: Any) -> AsyncIterator[Gate]:
    """A gate to an embedded cloud."""
    api = Api(everything_at(url), LOCAL_KEYS)
    made = Gate(api, **{"rates": QUICK, "pace": PACE, "random": Random(3), **options})
    try:
        yield made
    finally:
        made.close()
        api.close()


@asynccontextmanager
async def one_at_once(url: str) -> AsyncIterator[tuple[Gate, Held]]:
    """A gate for one call at once, with a call in it: what is asked waits until that may go."""
    api = Api(everything_at(url), LOCAL_KEYS)
    held = Held(api)
    made = Gate(held, rates=QUICK, pace=PACE, random=Random(3), at_once=1)
    holding = asyncio.create_task(made.ask(ask("DescribeZones"), Turn()))
    await asyncio.wait_for(held.has_come.wait(), 30)
    try:
        yield made, held
        await holding
    finally:
        held.may_go.set()
        made.close()
        api.close()


def ask(action: str = "DescribeRegions", **parameters: str) -> Call[Document]:
    return Call("ecs", action, REGION, lambda document: document, parameters)


def start(instance_id: str) -> Call[Document]:
    parameters = {"InstanceId": instance_id}
    return Call("ecs", "StartInstance", REGION, lambda document: document, parameters, repeatable=False)


def until_answered(scene: Scene, zones: int) -> None:
    """Return once so many of the calls that hung were answered; there must be no more of them."""
    wait_until(lambda: scene.asked("DescribeZones") >= zones, "the calls that were under way")
    assert scene.asked("DescribeZones") == zones


async def in_which_order(url: str, *questions: tuple[str, Call[Document], Turn]) -> list[str]:
    """Ask all of it while the one call is held; the names as the answers come."""
    came: list[str] = []
    async with one_at_once(url) as (through, held):

        async def named(name: str, call: Call[Document], turn: Turn) -> None:
            await through.ask(call, turn)
            came.append(name)

        asked = [asyncio.create_task(named(*one)) for one in questions]
        await asyncio.sleep(0)
        held.may_go.set()
        await asyncio.gather(*asked)
    return came


def test_the_earliest_deadline_goes_first(scene: Scene) -> None:
    """However long others have waited: they come next, and what is late anyway among them."""
    questions = [
        ("whenever", ask(), Turn()),
        ("later", ask(), Turn(in_(200))),
        ("late", ask(), Turn(in_(-5))),
        ("soon", ask(), Turn(in_(100))),
        ("then", ask(), Turn()),
    ]

    came = asyncio.run(in_which_order(scene.url, *questions))

    assert came == ["soon", "later", "whenever", "late", "then"]


def test_the_most_urgent_goes_first_whatever_api_it_is_for(scene: Scene) -> None:
    """Each API has a quota of its own, but the room of a product is for all."""
    questions = [
        ("regions", ask(), Turn()),
        ("instances", ask("DescribeInstances"), Turn(in_(50))),
    ]

    assert asyncio.run(in_which_order(scene.url, *questions)) == ["instances", "regions"]


def test_who_joins_in_a_hurry_moves_the_call_forward(scene: Scene) -> None:
    """A call that serves many is as urgent as the most urgent of them."""
    came: list[str] = []

    async def run() -> None:
        async with one_at_once(scene.url) as (through, held):

            async def named(name: str, turn: Turn) -> None:
                await through.ask(ask(), turn)
                came.append(name)

            shared = Turn.together(Turn())
            asked = [
                asyncio.create_task(named("hurried", Turn(in_(100)))),
                asyncio.create_task(named("shared", shared)),
            ]
            await asyncio.sleep(0)
            shared.join(Turn(in_(50)))
            held.may_go.set()
            await asyncio.gather(*asked)

    asyncio.run(run())

    assert came == ["shared", "hurried"]


def test_the_background_never_takes_the_last_room(scene: Scene) -> None:
    """A refresh whose calls hang leaves room for whoever is in a hurry."""
    inject(scene.url, "ecs:DescribeZones", delay_seconds=4)

    async def run() -> float:
        async with gate(scene.url, at_once=8) as through:
            background = [
                asyncio.create_task(through.ask(ask("DescribeZones"), Turn(background=True)))
                for _ in range(10)
            ]
            await asyncio.to_thread(until_waiting, scene.url, 2)
            began = time.monotonic()
            await through.ask(ask(), Turn())
            took = time.monotonic() - began
            for one in background:
                one.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            return took

    assert asyncio.run(run()) < 3
    until_answered(scene, 2)


def test_a_product_that_hangs_holds_up_no_other(scene: Scene) -> None:
    """Each has room of its own."""
    inject(scene.url, "cms:*", delay_seconds=6)

    async def run() -> float:
        async with gate(scene.url, at_once=2) as through:
            metric = Call("cms", "DescribeMetricLast", REGION, lambda document: document)
            hanging = [asyncio.create_task(through.ask(metric, Turn())) for _ in range(4)]
            await asyncio.to_thread(until_waiting, scene.url, 2)
            began = time.monotonic()
            await through.ask(ask(), Turn())
            took = time.monotonic() - began
            for one in hanging:
                one.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            return took

    assert asyncio.run(run()) < 5


def test_the_rate_is_kept(scene: Scene) -> None:
    """What a bucket holds goes at once, the rest as it fills."""
    rates = {**QUICK, "ecs": Rate(20.0, 20.0)}

    async def run() -> float:
        async with gate(scene.url, rates=rates, pace=1.0) as through:
            began = time.monotonic()
            await asyncio.gather(*(through.ask(ask(), Turn()) for _ in range(110)))
            return time.monotonic() - began

    assert asyncio.run(run()) >= 10 / 20.0


def test_an_api_that_is_out_of_calls_holds_up_no_other(scene: Scene) -> None:
    """Edits are few, reads are many; the vendor counts them apart."""
    rates = {**QUICK, "ecs": Rate(10_000.0, 0.01)}

    async def run() -> int:
        async with gate(scene.url, rates=rates, pace=1.0) as through:
            orders = [asyncio.create_task(through.ask(start(f"i-{n}"), Turn(in_(60)))) for n in range(12)]
            while sum(one.done() for one in orders) < 8:
                await asyncio.sleep(0.01)
            await through.ask(ask(), Turn())
            waiting = [one for one in orders if not one.done()]
            for one in waiting:
                one.cancel()
            await asyncio.gather(*orders, return_exceptions=True)
            return len(waiting)

    assert asyncio.run(run()) == 4


def test_throttled_calls_are_made_again_and_told(scene: Scene) -> None:
    """Every second one refused: all are answered, and each turn knows what it met."""
    inject(scene.url, "ecs:DescribeRegions", status=400, code="Throttling.User", every=2)

    async def run() -> list[Turn]:
        turns = [Turn() for _ in range(20)]
        async with gate(scene.url) as through:
            await asyncio.gather(*(through.ask(ask(), turn) for turn in turns))
        return turns

    met = [turn.delays["Throttling.User"] for turn in asyncio.run(run())]

    assert sum(met) == scene.asked("DescribeRegions") - 20
    assert sum(met) >= 10


def test_a_quota_that_is_used_up_is_given_up_at_the_deadline(scene: Scene) -> None:
    """Then the vendor's own refusal comes through, and not a moment later."""
    inject(scene.url, "ecs:DescribeRegions", status=400, code="Throttling")

    async def run() -> float:
        async with gate(scene.url) as through:
            began = time.monotonic()
            with pytest.raises(Throttled):
                await through.ask(ask(), Turn(in_(0.8)))
            return time.monotonic() - began

    assert 0.2 < asyncio.run(run()) < 5
    assert scene.asked("DescribeRegions") > 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "code": "ServiceUnavailable"},
        {"status": 500, "code": "InternalError"},
        {"status": 409, "code": "BackendServer.configuring"},
        {"reset": True},
        {"truncate": 5},
    ],
)
def test_what_passes_is_waited_out(scene: Scene, fault: dict[str, Any]) -> None:
    """Twice it fails, then it works."""
    inject(scene.url, "ecs:DescribeRegions", times=2, **fault)

    async def run() -> Document:
        async with gate(scene.url) as through:
            return (await through.ask(ask(), Turn(in_(20)))).value

    assert asyncio.run(run())["Regions"]
    assert scene.asked("DescribeRegions") == 3


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("IncorrectInstanceStatus", 403, Rejected),
        ("InvalidInstanceId.NotFound", 404, Missing),
        ("Forbidden.RAM", 403, Denied),
    ],
)
def test_what_does_not_pass_is_raised_at_once(
    scene: Scene, code: str, status: int, kind: type[Exception]
) -> None:
    """Asking again would be refused again."""
    inject(scene.url, "ecs:DescribeRegions", status=status, code=code)

    async def run() -> None:
        async with gate(scene.url) as through:
            await through.ask(ask(), Turn(in_(20)))

    with pytest.raises(kind):
        asyncio.run(run())
    assert scene.asked("DescribeRegions") == 1


@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 500, "code": "InternalError"}])
def test_an_order_that_may_have_been_carried_out_is_not_given_again(
    scene: Scene, fault: dict[str, Any]
) -> None:
    """Whoever gave it looks first."""
    instance_id = scene.instance(state="Stopped")
    inject(scene.url, "ecs:StartInstance", after_effect=True, **fault)

    async def run() -> None:
        async with gate(scene.url) as through:
            await through.ask(start(instance_id), Turn(in_(20)))

    with pytest.raises(Unreachable):
        asyncio.run(run())
    assert scene.asked("StartInstance") == 1


@pytest.mark.parametrize("code", ["Throttling.User", "OperationConflict", "InstanceNotReady"])
def test_an_order_that_was_refused_for_the_moment_is_given_again(scene: Scene, code: str) -> None:
    """Nothing has happened: no quota and no other change was waited out in vain."""
    instance_id = scene.instance(state="Stopped")
    inject(scene.url, "ecs:StartInstance", status=403, code=code, times=2)

    async def run() -> None:
        async with gate(scene.url) as through:
            await through.ask(start(instance_id), Turn(in_(20)))

    asyncio.run(run())

    assert scene.asked("StartInstance") == 3


def test_who_gives_up_gives_the_place_to_the_next(scene: Scene) -> None:
    """A run that is cancelled while it waits holds up nobody, and its call is not made."""

    async def run() -> None:
        async with one_at_once(scene.url) as (through, held):
            gone = [asyncio.create_task(through.ask(ask(), Turn())) for _ in range(5)]
            await asyncio.sleep(0)
            for one in gone:
                one.cancel()
            left = asyncio.create_task(through.ask(ask(), Turn()))
            held.may_go.set()
            await asyncio.wait_for(left, 30)
            assert all(one.cancelled() for one in gone)

    asyncio.run(run())

    assert scene.asked("DescribeRegions") == 1


def test_a_call_whose_asker_has_gone_is_given_up(scene: Scene) -> None:
    """Its place is the next one's, and whatever it is answered goes to nobody."""
    inject(scene.url, "ecs:DescribeZones", delay_seconds=20, times=1)

    async def run() -> Document:
        async with gate(scene.url, at_once=1) as through:
            holding = asyncio.create_task(through.ask(ask("DescribeZones"), Turn()))
            await asyncio.to_thread(until_waiting, scene.url)
            holding.cancel()
            return (await asyncio.wait_for(through.ask(ask(), Turn()), 10)).value

    assert asyncio.run(run())["Regions"]


def test_what_cannot_be_built_is_raised_and_leaves_the_place(scene: Scene) -> None:
    """A call may be decided against when its turn comes."""

    def refuse() -> Call[Document]:
        raise LookupError("nobody wants it any more")

    async def run() -> None:
        async with gate(scene.url, at_once=1) as through:
            for _ in range(3):
                with pytest.raises(LookupError):
                    await through.ask_late(ask().line, Turn(), refuse)
            await asyncio.wait_for(through.ask(ask(), Turn()), 10)

    asyncio.run(run())

    assert scene.asked("DescribeRegions") == 1
