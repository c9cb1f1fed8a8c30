"""MNS as ali-mns, the community's client for Node, meets it.

It knows no endpoint but the vendor's, so it comes by way of an HTTP proxy; its XML has neither namespace nor
declaration, and its Content-MD5 is that of the raw digest.
"""

from __future__ import annotations

import pytest

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from tests.local.clients.conftest import Client, Driver, Refused

pytestmark = pytest.mark.xdist_group("clients")


def client(node: Driver, kind: str, name: str = "", secret: str = "local-secret") -> Client:
    """An object of the library's class `kind`, for the queue or topic `name`."""
    owner = {"account": DEFAULT_ACCOUNT_ID, "key": "local", "secret": secret}
    return Client(node, "ali-mns", owner | {"type": kind, "name": name})


@pytest.fixture
def queue(node: Driver, request: pytest.FixtureRequest) -> str:
    """A queue of the test's own."""
    name = f"q{abs(hash(request.node.name))}"
    client(node, "MNS")("createP", name, {"VisibilityTimeout": 30})
    return name


def test_queues_are_listed_under_the_name_the_client_asked(node: Driver, queue: str) -> None:
    """The URL of a queue carries the account's own host."""
    listed = client(node, "MNS")("listP", queue, 20)
    url = f"http://{DEFAULT_ACCOUNT_ID}.mns.cn-hangzhou.aliyuncs.com/queues/{queue}"
    assert listed["Queues"]["Queue"]["QueueURL"] == url


def test_creating_a_queue_with_other_attributes_is_refused(node: Driver, queue: str) -> None:
    """QueueAlreadyExist, as its manual says."""
    with pytest.raises(Refused) as refused:
        client(node, "MNS")("createP", queue, {"VisibilityTimeout": 31})
    assert refused.value.details["Error"]["Code"] == "QueueAlreadyExist"


def test_attributes_are_set_and_read_back(node: Driver, queue: str) -> None:
    """XML without a namespace is understood."""
    client(node, "MQ", queue)("setAttrsP", {"VisibilityTimeout": 77})
    assert client(node, "MQ", queue)("getAttrsP")["Queue"]["VisibilityTimeout"] == "77"


def test_a_message_goes_in_and_comes_out(node: Driver, queue: str) -> None:
    """This client encodes as base64, and decodes."""
    mq = client(node, "MQ", queue)
    mq("sendP", "实例 Stopped")
    assert mq("recvP", 1)["Message"]["MessageBody"] == "实例 Stopped"


def test_an_empty_queue_has_no_message(node: Driver, queue: str) -> None:
    """MessageNotExist, after the wait."""
    with pytest.raises(Refused) as refused:
        client(node, "MQ", queue)("recvP", 1)
    assert refused.value.details["Error"]["Code"] == "MessageNotExist"


def test_reserving_a_message_voids_its_old_handle(node: Driver, queue: str) -> None:
    """ChangeMessageVisibility gives a new one, which deletes."""
    mq = client(node, "MQ", queue)
    mq("sendP", "held")
    old = mq("recvP", 1)["Message"]["ReceiptHandle"]
    new = mq("reserveP", old, 50)["ChangeVisibility"]["ReceiptHandle"]
    with pytest.raises(Refused) as refused:
        mq("deleteP", old)
    assert refused.value.details["Error"]["Code"] == "ReceiptHandleError"
    assert mq("deleteP", new) == 204


def test_a_batch_is_sent_peeked_received_and_deleted(node: Driver, queue: str) -> None:
    """All four batch calls."""
    batch = client(node, "MQBatch", queue)
    batch("sendP", [{"$type": "Msg", "args": [text, 8]} for text in ("a", "b")])
    peeked = batch("peekP", 5)["Messages"]["Message"]
    received = batch("recvP", 1, 5)["Messages"]["Message"]
    assert [{"a", "b"}] * 2 == [{one["MessageBody"] for one in batch} for batch in (peeked, received)]
    assert batch("deleteP", [one["ReceiptHandle"] for one in received]) == 204


def test_a_partly_failed_batch_delete_names_the_failures(node: Driver, queue: str) -> None:
    """An answer of its own: `Errors`."""
    batch = client(node, "MQBatch", queue)
    batch("sendP", [{"$type": "Msg", "args": [text, 8]} for text in ("a", "b")])
    first, second = (one["ReceiptHandle"] for one in batch("recvP", 1, 5)["Messages"]["Message"])
    batch("deleteP", first)
    with pytest.raises(Refused) as refused:
        batch("deleteP", [first, second])
    assert refused.value.details["Errors"]["Error"]["ReceiptHandle"] == first


def test_a_topic_delivers_to_a_subscribed_queue(node: Driver, queue: str) -> None:
    """In the SIMPLIFIED form the body is what was published."""
    client(node, "MNSTopic")("createTopicP", "topic")
    topic = client(node, "Topic", "topic")
    endpoint = f"acs:mns:cn-hangzhou:{DEFAULT_ACCOUNT_ID}:queues/{queue}"
    topic("subscribeP", "subscription", endpoint, "BACKOFF_RETRY", "SIMPLIFIED")
    topic("publishP", "news", True)
    assert client(node, "MQ", queue)("recvP", 5)["Message"]["MessageBody"] == "news"


def test_a_wrong_secret_is_refused(node: Driver) -> None:
    """SignatureDoesNotMatch."""
    with pytest.raises(Refused) as refused:
        client(node, "MNS", secret="wrong")("listP")
    assert refused.value.details["Error"]["Code"] == "SignatureDoesNotMatch"


def test_nobody_else_is_called(node: Driver) -> None:
    """This client reports its use to Google unless it is told not to; here it is told."""
    client(node, "MNS")("listP")
    assert [host for host in node.call("driver", {}, "hosts") if "google" in host] == []
