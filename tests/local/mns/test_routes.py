"""The same operations in the dress of other languages' clients, as reference clients send them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mns.queue import Message, Queue

from tests.local.conftest import RunningCloud
from tests.local.mns.conftest import Bare


def test_a_doubled_slash_is_signed_and_understood(bare: Bare, queue: Queue) -> None:
    """@alicloud/mns appends `/queues` to an endpoint that ends in a slash."""
    assert bare("GET", "//queues/events").text("QueueName") == "events"


def test_an_absolute_request_line_is_understood(bare: Bare, queue: Queue, cloud: RunningCloud) -> None:
    """ali-mns by way of an HTTP proxy; the signature covers the path only."""
    resource = "/queues/events"
    assert bare("GET", resource, target=cloud.url + resource).text("QueueName") == "events"


def test_a_chunked_body_is_read(bare: Bare, queue: Queue) -> None:
    """Without a Content-Length."""

    def pieces() -> Iterator[bytes]:
        yield b"<Message><MessageBody>a bo"
        yield b"dy</MessageBody></Message>"

    assert bare("POST", "/queues/events/messages", pieces()).status == 201
    assert queue.receive_message().message_body == "a body"


@pytest.mark.parametrize("md5", ["MWJjMjliMzZmNjIzYmE4MmFhZjY3MjRmZDNiMTY3MTg=", "nonsense", ""])
def test_the_content_md5_is_signed_but_not_checked(bare: Bare, queue: Queue, md5: str) -> None:
    """Official clients send it in two encodings."""
    body = b"<Message><MessageBody>a body</MessageBody></Message>"
    assert bare("POST", "/queues/events/messages", body, {"content-md5": md5}).status == 201


def test_xml_needs_neither_namespace_nor_declaration(bare: Bare, queue: Queue) -> None:
    """ali-mns sends neither; Python's SDK both; and some indent."""
    plain = b"<Messages>\n <Message>\n  <MessageBody>a</MessageBody>\n </Message>\n</Messages>"
    full = b'<?xml version="1.0"?><m:Messages xmlns:m="http://mns.aliyuncs.com/doc/v1/"><m:Message>'
    full += b"<m:MessageBody>b</m:MessageBody></m:Message></m:Messages>"
    for body in (plain, full):
        assert bare("POST", "/queues/events/messages", body).status == 201
    assert [message.message_body for message in queue.batch_receive_message(16)] == ["a", "b"]


def test_parameter_names_have_no_case(bare: Bare, queue: Queue) -> None:
    """@alicloud/mns sends `receiptHandle` and `visibilityTimeout`."""
    queue.send_message(Message("a body"))
    handle = bare("GET", "/queues/events/messages?numofmessages=1&WaitSeconds=0").text("ReceiptHandle")
    changed = bare("PUT", f"/queues/events/messages?receiptHandle={handle}&visibilityTimeout=60")
    assert (changed.status, changed.text("ReceiptHandle") != handle) == (200, True)


def test_a_flag_can_be_false(bare: Bare, queue: Queue) -> None:
    """`peekonly=false` is a receive."""
    queue.send_message(Message("a body"))
    assert bare("GET", "/queues/events/messages?peekonly=false").text("DequeueCount") == "1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/queues", 200), ("GET", "/queues/nowhere", 404), ("DELETE", "/queues/nowhere", 204)],
)
def test_every_answer_is_dressed_alike(bare: Bare, method: str, path: str, status: int) -> None:
    """XML content type, request id, version, date."""
    answer = bare(method, path)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/xml")
    assert len(answer.headers["x-mns-request-id"]) == 24
    assert answer.headers["x-mns-version"] == "2015-06-06"
    assert answer.headers["date"].endswith(" GMT")


def test_an_error_names_the_request_and_the_host(bare: Bare, cloud: RunningCloud) -> None:
    """The same request id in header and document."""
    answer = bare("GET", "/queues/nowhere")
    assert answer.text("RequestId") == answer.headers["x-mns-request-id"]
    assert answer.text("HostId") == cloud.url


def test_a_deletion_has_no_body(bare: Bare, queue: Queue) -> None:
    """204 with nothing after it, so that the connection can be used again."""
    answers = [bare("DELETE", "/queues/events") for _ in range(2)]
    assert [(answer.status, answer.body) for answer in answers] == [(204, b""), (204, b"")]
