"""An MNS queue through the official SDK: batches, leases, deletes, and every failure as one of ours."""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import mns.mns_exception as sdk
import pytest

from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.lease import Message
from sink.sources import MnsSource
from sink.sources.sdk import ours
from tests.conftest import RunningCloud
from tests.faults import STRANGE_ANSWERS, answering, inject, requests


@asynccontextmanager
async def queue(
    url: str, visibility_seconds: int = 30, keys: StaticKeys = LOCAL_KEYS, create: bool = True
) -> AsyncIterator[MnsSource]:
    source = MnsSource(url, "ecs-events", keys, receivers=1)
    try:
        if create:
            await source.create(visibility_seconds)
        yield source
    finally:
        source.close()


def test_what_is_sent_is_received_as_it_was_sent(cloud: RunningCloud) -> None:
    """No decoding on the way: a body that is no base64 is nobody's trouble."""
    bodies = ["plain", '{"a": 1}', "YWJj", "中文 <&>", "x" * 60_000]

    async def run() -> list[tuple[str, int, float]]:
        async with queue(cloud.url, visibility_seconds=45) as source:
            for body in bodies:
                await source.send([body])
            found: list[Message] = []
            while len(found) < len(bodies):
                found += await source.receive(1)
            return [(message.body, message.dequeue_count, message.lease_seconds) for message in found]

    assert sorted(asyncio.run(run())) == sorted((body, 1, 45.0) for body in bodies)


def test_an_empty_queue_is_no_error(cloud: RunningCloud) -> None:
    """It is what a quiet fleet looks like."""

    async def run() -> object:
        async with queue(cloud.url) as source:
            return await source.receive(1)

    assert asyncio.run(run()) == []


def test_a_long_poll_ends_when_a_message_comes(cloud: RunningCloud) -> None:
    """Five minutes are not spent waiting for a timer."""

    async def run() -> float:
        async with queue(cloud.url) as source:
            receiving = asyncio.create_task(source.receive(20))
            while not requests(cloud.url, "CreateQueue"):
                await asyncio.sleep(0.01)
            began = time.monotonic()
            await source.send(["now"])
            assert [message.body for message in await receiving] == ["now"]
            return time.monotonic() - began

    assert asyncio.run(run()) < 5


def test_deleting_tells_how_many_came_too_late(cloud: RunningCloud) -> None:
    """A partial failure is an answer: those messages come again."""

    async def run() -> tuple[int, int, int]:
        async with queue(cloud.url) as source:
            await source.send(["a", "b", "c"])
            messages = list(await source.receive(1))
            messages[0].handle += "A"
            some = await source.delete(messages)
            return some, await source.delete(messages[1:]), await source.waiting()

    assert asyncio.run(run()) == (1, 2, 1)


def test_a_prolonged_message_stays_hidden_and_goes_by_its_new_handle(cloud: RunningCloud) -> None:
    """The old handle is void; deleting by it would fail."""

    async def run() -> tuple[bool, object, int, int]:
        async with queue(cloud.url, visibility_seconds=1) as source:
            await source.send(["a"])
            (message,) = await source.receive(1)
            first = message.handle
            await source.prolong(message, 60)
            hidden = await source.receive(2)
            return first != message.handle, hidden, await source.delete([message]), await source.waiting()

    assert asyncio.run(run()) == (True, [], 0, 0)


def test_a_message_given_back_comes_again(cloud: RunningCloud) -> None:
    """That is how a stopping sink hands over."""

    async def run() -> list[int]:
        async with queue(cloud.url) as source:
            await source.send(["a"])
            (message,) = await source.receive(1)
            await source.prolong(message, 1)
            return [again.dequeue_count for again in await source.receive(5)]

    assert asyncio.run(run()) == [2]


def test_cutting_short_ends_a_long_poll_and_takes_no_message(cloud: RunningCloud) -> None:
    """A stop does not wait half a minute, and what comes then is left to others."""

    async def run() -> tuple[type, float, int]:
        async with queue(cloud.url) as source:
            await source.waiting()
            receiving = asyncio.create_task(source.receive(30))
            await asyncio.sleep(0.2)
            began = time.monotonic()
            source.cut_short()
            (error,) = await asyncio.gather(receiving, return_exceptions=True)
            took = time.monotonic() - began
            await source.send(["later"])
            async with queue(cloud.url, create=False) as other:
                return type(error), took, len(await other.receive(2))

    kind, took, received = asyncio.run(run())
    assert (kind, received) == (Unreachable, 1)
    assert took < 2


def test_a_queue_made_twice_stays_as_it_is(cloud: RunningCloud) -> None:
    """Starting the sink changes nothing that is there."""

    async def run() -> float:
        async with queue(cloud.url, visibility_seconds=7) as source:
            await source.create(99)
            await source.send(["a"])
            return (await source.receive(1))[0].lease_seconds

    assert asyncio.run(run()) == 7


def failure(url: str, keys: StaticKeys = LOCAL_KEYS) -> CloudError:
    async def run() -> CloudError:
        async with queue(url, keys=keys, create=False) as source:
            with pytest.raises(CloudError) as caught:
                await source.receive(1)
            return caught.value

    return asyncio.run(run())


def test_a_missing_queue_says_what_to_do(cloud: RunningCloud) -> None:
    """The commonest mistake of a first set-up."""
    error = failure(cloud.url)

    assert (type(error), error.code) == (Missing, "QueueNotExist")
    assert "[mns] queues" in error.hint


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (StaticKeys("nobody", "x"), "InvalidAccessKeyId"),
        (StaticKeys("local", "wrong"), "SignatureDoesNotMatch"),
    ],
)
def test_wrong_keys_are_the_operators(cloud: RunningCloud, keys: StaticKeys, code: str) -> None:
    """Trying faster would not help."""
    error = failure(cloud.url, keys)

    assert (type(error), error.code) == (Denied, code)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "InternalError", Unreachable),
        (400, "QpsLimitExceeded", Throttled),
        (403, "AccessDenied", Denied),
        (408, "TimeExpired", Denied),
        (400, "InvalidArgument", Rejected),
        (400, "NeverHeardOf", Rejected),
    ],
)
def test_each_code_is_of_its_sort(cloud: RunningCloud, status: int, code: str, kind: type) -> None:
    """By the vendor's table; an unknown refusal is one of this very request."""
    inject(cloud.url, "mns:BatchReceiveMessage", status=status, code=code, message="injected")

    assert type(failure(cloud.url)) is kind


@pytest.mark.parametrize("fault", [{"reset": True}, {"truncate": 20, "status": 500, "code": "InternalError"}])
def test_a_broken_connection_is_unreachable(cloud: RunningCloud, fault: dict[str, object]) -> None:
    """An answer that is lost or cut."""
    inject(cloud.url, "mns:BatchReceiveMessage", **fault)

    assert type(failure(cloud.url)) is Unreachable


def test_nobody_listening_is_unreachable() -> None:
    """The SDK's own message for it is a slip in its code; ours names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    error = failure(f"http://127.0.0.1:{port}")

    assert (type(error), error.hint) == (Unreachable, "Check [mns] endpoint and the network")


@pytest.mark.parametrize("answer", STRANGE_ANSWERS)
def test_an_answer_that_is_not_the_services_is_unreachable(answer: bytes) -> None:
    """A proxy's page in the place of XML, half a document, nothing at all."""
    with answering(answer) as url:
        error = failure(url)

    assert type(error) is Unreachable


def test_every_exception_of_the_sdk_is_mapped() -> None:
    """A class that a new release brings must be thought of."""
    classes = {
        name
        for name, found in inspect.getmembers(sdk, inspect.isclass)
        if issubclass(found, sdk.MNSExceptionBase)
    }

    assert classes == {
        "MNSExceptionBase",
        "MNSClientException",
        "MNSServerException",
        "MNSClientNetworkException",
        "MNSClientParameterException",
    }
    assert type(ours(sdk.MNSClientNetworkException("NetWorkException", "x"))) is Unreachable
    assert type(ours(sdk.MNSServerException("InternalError", "x", "rid", None))) is Unreachable
