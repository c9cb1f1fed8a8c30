"""Every failure as one of ours, by one table: on the data path, and on the SDK's."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Awaitable, Callable

import mns.mns_exception as sdk
import pytest

from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.lease import Message
from sink.sources import MnsSource
from sink.sources.errors import error_of
from sink.sources.sdk import ours
from tests.conftest import RunningCloud
from tests.faults import STRANGE_ANSWERS, answering, inject
from tests.sources.service import queue

Call = Callable[[MnsSource], Awaitable[object]]


def held() -> Message:
    """A message in hand, or so it says."""
    return Message("ecs-events", "id", "1-ODU4==", "a", 1, 0, 30.0, 30.0)


CALLS: dict[str, Call] = {
    "BatchReceiveMessage": lambda source: source.receive(1),
    "BatchDeleteMessage": lambda source: source.delete([held()]),
    "ChangeMessageVisibility": lambda source: source.prolong(held(), 30),
    "GetQueueAttributes": lambda source: source.waiting(),
    "BatchSendMessage": lambda source: source.send(["a"]),
}
"""By the vendor's names; the last two are the SDK's."""
each_call = pytest.mark.parametrize("operation", CALLS)


def failure(url: str, operation: str = "BatchReceiveMessage", keys: StaticKeys = LOCAL_KEYS) -> CloudError:
    """What the call of this name raises."""

    async def run() -> CloudError:
        async with queue(url, keys=keys, create=False) as source:
            with pytest.raises(CloudError) as caught:
                await CALLS[operation](source)
            return caught.value

    return asyncio.run(run())


@each_call
def test_a_missing_queue_says_what_to_do(cloud: RunningCloud, operation: str) -> None:
    """The commonest mistake of a first set-up."""
    error = failure(cloud.url, operation)

    assert (type(error), error.code) == (Missing, "QueueNotExist")
    assert "[mns] queues" in error.hint


@pytest.mark.parametrize("operation", ["BatchReceiveMessage", "GetQueueAttributes"])
@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (StaticKeys("nobody", "x"), "InvalidAccessKeyId"),
        (StaticKeys("local", "wrong"), "SignatureDoesNotMatch"),
    ],
)
def test_wrong_keys_are_the_operators(
    cloud: RunningCloud, keys: StaticKeys, code: str, operation: str
) -> None:
    """Trying faster would not help."""
    error = failure(cloud.url, operation, keys)

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
@pytest.mark.parametrize("operation", ["BatchReceiveMessage", "GetQueueAttributes"])
def test_each_code_is_of_its_sort(
    cloud: RunningCloud, status: int, code: str, kind: type, operation: str
) -> None:
    """By the vendor's table; an unknown refusal is one of this very request."""
    inject(cloud.url, f"mns:{operation}", status=status, code=code, message="injected")

    assert type(failure(cloud.url, operation)) is kind


@each_call
@pytest.mark.parametrize("fault", [{"reset": True}, {"truncate": 20, "status": 500, "code": "InternalError"}])
def test_a_broken_connection_is_unreachable(
    cloud: RunningCloud, fault: dict[str, object], operation: str
) -> None:
    """An answer that is lost or cut."""
    inject(cloud.url, f"mns:{operation}", **fault)

    assert type(failure(cloud.url, operation)) is Unreachable


@each_call
def test_nobody_listening_is_unreachable(operation: str) -> None:
    """The hint names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    error = failure(f"http://127.0.0.1:{port}", operation)

    assert (type(error), error.hint) == (Unreachable, "Check [mns] endpoint and the network")


@each_call
@pytest.mark.parametrize("answer", STRANGE_ANSWERS)
def test_an_answer_that_is_not_the_services_is_unreachable(answer: bytes, operation: str) -> None:
    """A proxy's page in the place of XML, half a document, nothing at all."""
    with answering(answer) as url:
        error = failure(url, operation)

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


def test_a_code_of_the_sdks_own_is_a_fault_on_the_way() -> None:
    """The service has not said it; a code of the service's that nobody knows is a refusal."""
    assert type(ours(sdk.MNSClientParameterException("TypeInvalid", "x"))) is Unreachable
    assert type(ours(sdk.MNSServerException("NeverHeardOf", "x", "rid", None))) is Rejected


def test_an_error_carries_what_a_ticket_needs() -> None:
    """The vendor's code and the request's id, and for people a hint."""
    error = error_of("TimeExpired", "too late", "R1")

    assert (type(error), error.code, error.request_id) == (Denied, "TimeExpired", "R1")
    assert str(error).endswith("Set this machine's clock: it is off by more than MNS allows")
