"""MNS as @alicloud/mns, the vendor's client for Node, meets it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from tests.local.clients.conftest import Client, Driver, Refused
from tests.local.conftest import RunningCloud

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(scope="module")
def mns(node: Driver, cloud: RunningCloud) -> Client:
    return client(node, cloud.url)


def client(node: Driver, url: str, **options: Any) -> Client:
    keys = {"accessKeyId": "local", "accessKeySecret": "local-secret"}
    return Client(node, "@alicloud/mns", {"account": DEFAULT_ACCOUNT_ID, "endpoint": url, **keys, **options})


@pytest.fixture
def queue(mns: Client, request: pytest.FixtureRequest) -> str:
    """A queue of the test's own."""
    name = f"q{abs(hash(request.node.name))}"
    mns("createQueue", name, {"VisibilityTimeout": 30})
    return name


def test_a_queue_is_created_with_its_location(mns: Client, cloud: RunningCloud) -> None:
    """201, and where the queue is."""
    created = mns("createQueue", "created", {"VisibilityTimeout": 45})
    assert (201, f"{cloud.url}/queues/created") == (created["code"], created["headers"]["location"])


def test_creating_a_queue_again_with_the_same_attributes_changes_nothing(mns: Client) -> None:
    """204 instead of 201."""
    mns("createQueue", "again", {"VisibilityTimeout": 45})
    assert mns("createQueue", "again", {"VisibilityTimeout": 45})["code"] == 204


def test_creating_a_queue_again_with_other_attributes_is_refused(mns: Client) -> None:
    """QueueAlreadyExist."""
    mns("createQueue", "other", {"VisibilityTimeout": 45})
    with pytest.raises(Refused) as refused:
        mns("createQueue", "other", {"VisibilityTimeout": 46})
    assert refused.value.details["name"] == "MNSQueueAlreadyExistError"


def test_attributes_are_set_and_read_back(mns: Client, queue: str) -> None:
    """SetQueueAttributes answers 204 and holds at once."""
    changed = mns("setQueueAttributes", queue, {"VisibilityTimeout": 77})
    attributes = mns("getQueueAttributes", queue)["body"]
    assert (changed["code"], attributes["VisibilityTimeout"]) == (204, "77")


def test_queues_are_listed_by_prefix_and_page(mns: Client) -> None:
    """A page of two of three, without an empty marker that would break other clients."""
    for name in ("list-a", "list-b", "list-c"):
        mns("createQueue", name, {})
    listed = mns("listQueue", "", 2, "list-")["body"]
    assert [one["QueueURL"].rsplit("/", 1)[1] for one in listed] == ["list-a", "list-b"]


def test_a_deleted_queue_is_gone(mns: Client) -> None:
    """204, then QueueNotExist."""
    mns("createQueue", "doomed", {})
    deleted = mns("deleteQueue", "doomed")
    with pytest.raises(Refused) as refused:
        mns("getQueueAttributes", "doomed")
    assert (deleted["code"], refused.value.details["name"]) == (204, "MNSQueueNotExistError")


@pytest.mark.parametrize("body", ["plain", "中文 & <标签>", "5aW9", '{"name": "Instance:StateChange"}'])
def test_a_body_arrives_as_it_was_sent(mns: Client, queue: str, body: str) -> None:
    """The service takes the body for text, whatever it holds."""
    escaped = body.replace("&", "&amp;").replace("<", "&lt;")
    mns("sendMessage", queue, {"MessageBody": escaped})
    assert body == mns("receiveMessage", queue)["body"]["MessageBody"]


def test_an_empty_queue_has_no_message(mns: Client, queue: str) -> None:
    """MessageNotExist, which a consumer takes for idle."""
    with pytest.raises(Refused) as refused:
        mns("receiveMessage", queue)
    assert refused.value.details["name"] == "MNSMessageNotExistError"


def test_a_long_poll_waits(mns: Client, queue: str) -> None:
    """`waitseconds` passes before an empty queue answers."""
    started = time.monotonic()
    with pytest.raises(Refused):
        mns("receiveMessage", queue, 1)
    assert 0.9 < time.monotonic() - started < 2.5


def test_peeking_leaves_the_message(mns: Client, queue: str) -> None:
    """A peek has no handle and does not count."""
    mns("sendMessage", queue, {"MessageBody": "seen"})
    peeked = mns("peekMessage", queue)["body"]
    assert (peeked["MessageBody"], "ReceiptHandle" in peeked) == ("seen", False)
    assert mns("receiveMessage", queue)["body"]["DequeueCount"] == "1"


def test_a_deleted_message_does_not_come_again(mns: Client, queue: str) -> None:
    """204, and the queue counts nothing."""
    mns("sendMessage", queue, {"MessageBody": "once"})
    handle = mns("receiveMessage", queue)["body"]["ReceiptHandle"]
    deleted = mns("deleteMessage", queue, handle)
    attributes = mns("getQueueAttributes", queue)["body"]
    left = [attributes[state] for state in ("ActiveMessages", "InactiveMessages")]
    assert (deleted["code"], left) == (204, ["0", "0"])


def test_changing_visibility_gives_a_new_handle_and_voids_the_old(mns: Client, queue: str) -> None:
    """This client writes the parameters in lower camel case."""
    mns("sendMessage", queue, {"MessageBody": "held"})
    old = mns("receiveMessage", queue)["body"]["ReceiptHandle"]
    new = mns("changeMessageVisibility", queue, old, 60)["body"]["ReceiptHandle"]
    with pytest.raises(Refused) as refused:
        mns("deleteMessage", queue, old)
    assert refused.value.details["name"] == "MNSReceiptHandleErrorError"
    assert mns("deleteMessage", queue, new)["code"] == 204


def test_a_batch_is_sent_received_and_deleted(mns: Client, queue: str) -> None:
    """Sixteen at most, each way."""
    sent = mns("batchSendMessage", queue, [{"MessageBody": f"m{number}"} for number in range(16)])
    received = mns("batchReceiveMessage", queue, 16)["body"]
    deleted = mns("batchDeleteMessage", queue, [one["ReceiptHandle"] for one in received])
    assert {f"m{number}" for number in range(16)} == {one["MessageBody"] for one in received}
    assert (sent["code"], deleted["code"]) == (201, 204)


def test_a_batch_peek_shows_several(mns: Client, queue: str) -> None:
    """Without taking them."""
    mns("batchSendMessage", queue, [{"MessageBody": "a"}, {"MessageBody": "b"}])
    peeked = mns("batchPeekMessage", queue, 16)["body"]
    assert {"a", "b"} == {one["MessageBody"] for one in peeked}


def test_a_partly_failed_batch_delete_names_the_failures_only(mns: Client, queue: str) -> None:
    """404 with the handles that were refused; the others are deleted."""
    mns("batchSendMessage", queue, [{"MessageBody": "a"}, {"MessageBody": "b"}])
    first, second = (one["ReceiptHandle"] for one in mns("batchReceiveMessage", queue, 16)["body"])
    mns("deleteMessage", queue, first)
    partly = mns("batchDeleteMessage", queue, [first, second])
    failures = [(one["ErrorCode"], one["ReceiptHandle"]) for one in partly["body"]]
    assert (404, [("ReceiptHandleError", first)]) == (partly["code"], failures)


def test_a_partly_failed_batch_send_names_each_outcome(mns: Client, queue: str) -> None:
    """A message that is too long is refused, its neighbour is kept."""
    sent = mns("batchSendMessage", queue, [{"MessageBody": "short"}, {"MessageBody": "x" * 70_000}])
    assert ["ErrorCode" in one for one in sent["body"]] == [False, True]
    assert mns("receiveMessage", queue)["body"]["MessageBody"] == "short"


def test_a_wrong_secret_is_refused(node: Driver, cloud: RunningCloud) -> None:
    """SignatureDoesNotMatch."""
    with pytest.raises(Refused) as refused:
        client(node, cloud.url, accessKeySecret="wrong")("listQueue")
    assert refused.value.details["name"] == "MNSSignatureDoesNotMatchError"


def test_an_sts_token_is_taken(node: Driver, cloud: RunningCloud) -> None:
    """The token travels outside the signature."""
    keys = {"accessKeyId": "STS.local", "accessKeySecret": "sts-secret", "securityToken": "sts-token"}
    assert client(node, cloud.url, **keys)("createQueue", "by-sts", {})["code"] == 201


def test_an_endpoint_with_a_trailing_slash_works(node: Driver, cloud: RunningCloud) -> None:
    """This client then asks for `//queues/…`, and signs a single slash."""
    assert client(node, f"{cloud.url}/")("createQueue", "slashed", {})["code"] == 201
