"""The requests are those of the official SDK, where MNS looks: the SDK itself is asked and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mns.account import Account
from mns.mns_exception import MNSExceptionBase
from mns.queue import Queue

from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.errors import Rejected
from sink.sources.calls import Calls
from tests.sources.service import NOTHING_CAME, TEXTS, XMLNS, headers, saying

STS_KEYS = StaticKeys("STS.NUgY", "s3cret/+=", "CAES+wMIARKAA/token==")
HANDLES = ["1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==", "1-ODU4+/%26&x=y==", "plain"]
STRANGE_HANDLES = ["a&b<c>d", "&amp;", "中文", "']]>"]
SIGNED = "host date x-mns-version content-md5 content-type authorization security-token".split()


def sdk_request(call: Callable[[Queue], object], keys: StaticKeys) -> tuple[str, bytes]:
    """What the SDK sends for a call, and to which address."""

    def ask(url: str) -> None:
        account = Account(url, credentials_provider=keys)
        asked = account.get_queue("ecs-events")
        asked.set_encoding(False)
        with pytest.raises(MNSExceptionBase):
            call(asked)
        account.get_client().close_connection()

    async def run() -> tuple[str, bytes]:
        async with saying(NOTHING_CAME) as service:
            await asyncio.to_thread(ask, service.url)
            return service.url, service.requests[0]

    return asyncio.run(run())


def our_calls(url: str, theirs: bytes) -> Calls:
    """Ours in the second in which the SDK sent its own."""
    sent_at = parsedate_to_datetime(headers(theirs)["date"]).timestamp()
    return Calls(url, "ecs-events", lambda: sent_at + 0.5)


def line(request: bytes) -> bytes:
    """Method and target."""
    return request.partition(b"\r\n")[0]


def body(request: bytes) -> bytes:
    """Whatever follows the head."""
    return request.partition(b"\r\n\r\n")[2]


def signed(request: bytes) -> dict[str, str]:
    """All that MNS verifies."""
    return {name: value for name, value in headers(request).items() if name in SIGNED}


@pytest.mark.parametrize("keys", [LOCAL_KEYS, STS_KEYS], ids=["keys", "sts"])
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (lambda q: q.batch_receive_message(16, 20), lambda c, k: c.receive(k, 16, 20)),
        (lambda q: q.batch_receive_message(1, 0), lambda c, k: c.receive(k, 1, 0)),
        (lambda q: q.batch_delete_message(HANDLES), lambda c, k: c.delete(k, HANDLES)),
        (lambda q: q.batch_delete_message(STRANGE_HANDLES), lambda c, k: c.delete(k, STRANGE_HANDLES)),
        (lambda q: q.change_message_visibility(HANDLES[0], 30), lambda c, k: c.hide(k, HANDLES[0], 30)),
        (lambda q: q.change_message_visibility(HANDLES[1], 1), lambda c, k: c.hide(k, HANDLES[1], 1)),
    ],
    ids=["receive", "receive one", "delete", "delete strange", "hide", "hide strange"],
)
def test_a_request_is_the_sdks_in_all_that_is_signed(
    keys: StaticKeys, theirs: Callable[[Queue], object], ours: Callable[[Calls, StaticKeys], bytes]
) -> None:
    """Method, target, body, and every header that the signature or the service looks at."""
    url, expected = sdk_request(theirs, keys)
    request = ours(our_calls(url, expected), keys)

    assert line(request) == line(expected)
    assert body(request) == body(expected)
    assert signed(request) == signed(expected)
    assert headers(request)["content-length"] == str(len(body(request)))


@given(st.lists(TEXTS, min_size=1, max_size=16))
def test_handles_survive_the_document_of_a_delete(handles: list[str]) -> None:
    """Whatever MNS gives as a handle it gets back, carriage returns included."""
    request = Calls("http://127.0.0.1", "q", lambda: 0.0).delete(LOCAL_KEYS, handles)

    found = ElementTree.fromstring(body(request)).findall(f"{{{XMLNS}}}ReceiptHandle")
    assert [element.text or "" for element in found] == handles


@pytest.mark.parametrize("handle", ["a b", "a\r\nx-injected: 1", "a\tb", "a\x7fb", "中文"])
def test_a_handle_that_would_break_the_request_is_refused(handle: str) -> None:
    """The SDK refuses them, too: in a request line nothing can stand for them."""
    with pytest.raises(Rejected) as caught:
        Calls("http://127.0.0.1", "q", lambda: 0.0).hide(LOCAL_KEYS, handle, 30)

    assert caught.value.code == "ReceiptHandleError"


def test_each_second_has_its_date() -> None:
    """MNS refuses what is signed with an old one."""
    now = [86399.9]
    calls = Calls("http://127.0.0.1", "q", lambda: now[0])
    before = headers(calls.receive(LOCAL_KEYS, 16, 1))["date"]
    now[0] = 86400.0

    assert before == "Thu, 01 Jan 1970 23:59:59 GMT"
    assert headers(calls.receive(LOCAL_KEYS, 16, 1))["date"] == "Fri, 02 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://1.mns.cn-hangzhou.aliyuncs.com/", "1.mns.cn-hangzhou.aliyuncs.com"),
        ("https://127.0.0.1:8080", "127.0.0.1:8080"),
    ],
)
def test_the_host_is_the_endpoints(endpoint: str, host: str) -> None:
    """With its port, and without a closing slash: as the SDK takes it."""
    assert headers(Calls(endpoint, "q", lambda: 0.0).receive(LOCAL_KEYS, 1, 1))["host"] == host
