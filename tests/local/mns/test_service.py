"""What every answer of MNS has in common."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mns.account import Account
from mns.queue import Message, Queue

from tests.local.mns.conftest import Bare, refusal

NAMES = ["queues", "topics", "messages", "subscriptions", "events", "%00", "%FF", "a_b", ""]
QUERIES = """waitseconds=0 numOfMessages=2 numOfMessages=%FF peekonly=true metaoverride=true accountmeta = &
    ReceiptHandle=8-MS0xLTg= ReceiptHandle=x VisibilityTimeout=5 VisibilityTimeout=%00""".split()
DOCUMENTS = rb"""\xff <Queue/>
    <Messages><Message/></Messages> <Message><MessageBody>a</MessageBody></Message>
    <Message><MessageBody><x/></MessageBody></Message> <?<?<?
    <ReceiptHandles><ReceiptHandle/></ReceiptHandles>
    <Subscription><Endpoint>acs:mns:r:1:queues/events</Endpoint></Subscription> <Topic/> <Account/>""".split()


def test_a_message_goes_in_and_comes_out(queue: Queue) -> None:
    """What the official client sends, the official client receives."""
    queue.send_message(Message("a body"))
    assert queue.receive_message().message_body == "a body"


def test_an_unknown_queue_is_refused(account: Account) -> None:
    """QueueNotExist, as the vendor names it."""
    assert refusal(account.get_queue("nowhere").send_message, Message("a body")) == "QueueNotExist"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    st.lists(st.sampled_from(NAMES), max_size=5),
    st.lists(st.sampled_from(QUERIES), max_size=3),
    st.sampled_from([b"", *DOCUMENTS]),
)
def test_no_request_is_an_internal_error(
    bare: Bare, queue: Queue, method: str, segments: list[str], parameters: list[str], body: bytes
) -> None:
    """Whatever is asked, the answer is the service's own; 404 without XML is the server's for nobody."""
    query = "?" + "&".join(parameters) if parameters else ""
    answer = bare(method, "/" + "/".join(segments) + query, body)
    assert answer.status < 500
    assert answer.headers["x-mns-request-id"]
