"""What the tests of MNS share: a queue with its official client, and requests in other dress."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Queue, QueueMeta

from tests.local.conftest import OWNER, RunningCloud

NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The SDK deprecates the message counts of a queue, the only way to look without touching."""
    here = Path(__file__).parent
    for item in (item for item in items if item.path.is_relative_to(here)):
        item.add_marker(pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning"))


@pytest.fixture
def account(cloud: RunningCloud, mns_account: Callable[..., Account]) -> Account:
    """The official client of the owner."""
    return mns_account(cloud.url)


@pytest.fixture
def queue(account: Account) -> Queue:
    """A queue with default attributes. Bodies are sent and received as they are."""
    queue = account.get_queue("events")
    queue.create(QueueMeta())
    queue.set_encoding(False)
    return queue


def refusal(call: Callable[..., object], *arguments: object) -> str:
    """The error code with which MNS refuses this call."""
    with pytest.raises(MNSServerException) as refused:
        call(*arguments)
    return str(refused.value.type)


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    def text(self, tag: str) -> str | None:
        """The text of the first element of this name."""
        return ElementTree.fromstring(self.body).findtext(f".//{NAMESPACE}{tag}")


class Bare:
    """A hand-made client: what it sends is signed, and otherwise exactly as told."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self._host, timeout=20)

    def __call__(
        self,
        method: str,
        resource: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        target: str | None = None,
        secret: str = OWNER.secret,
    ) -> Answer:
        """Send a request. `target` is the request line's if it is not the signed resource."""
        own = {"x-mns-version": "2015-06-06", "date": formatdate(usegmt=True), **(headers or {})}
        own.setdefault("authorization", sign(method, resource, own, secret))
        self.connection.request(method, target or resource, body, own)
        return Answer(self.connection.getresponse())


def sign(method: str, resource: str, headers: Mapping[str, str], secret: str) -> str:
    """The Authorization header, written from the vendor's description."""
    extra = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-mns-"))
    fixed = [headers.get(name, "") for name in ("content-md5", "content-type", "date")]
    text = "\n".join([method, *fixed, extra + resource])
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return f"MNS {OWNER.key_id}:{base64.b64encode(digest).decode()}"


@pytest.fixture
def bare(cloud: RunningCloud) -> Iterator[Bare]:
    """A hand-made client."""
    client = Bare(cloud.url)
    yield client
    client.connection.close()
