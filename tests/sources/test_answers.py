"""Answers as data: whole and in MNS's shape, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.errors import CloudError, Denied, Rejected, Unreachable
from sink.sources.answers import Received, new_handle, received, voided
from sink.wire import NO_ANSWER, Answer
from tests.sources.service import TEXTS, XMLNS, document, message, messages, refusal

VOID = (
    "<Error><ErrorCode>ReceiptHandleError</ErrorCode><ErrorMessage>no</ErrorMessage>"
    "<ReceiptHandle>h</ReceiptHandle></Error>"
)
PROLONGED = document(
    "ChangeVisibility", "<ReceiptHandle>new</ReceiptHandle><NextVisibleTime>1</NextVisibleTime>"
)


def bodies(document: bytes) -> list[str]:
    return [body for _, _, body, _ in received(Answer(200, {}, document)).messages]


def failure(read: Callable[[Answer], object], status: int, body: bytes) -> CloudError:
    with pytest.raises(CloudError) as caught:
        read(Answer(status, {}, body))
    return caught.value


def test_a_message_is_read_with_all_that_its_lease_needs() -> None:
    """Times are the server's; what else MNS tells is not needed."""
    again = message("YWJj", handle="1-ODU4==", count=3, first_ms=1500, next_ms=31500)
    first = message("ZGVm", handle="1-ODU5==", count=1, first_ms=1500, next_ms=41500)
    expected = [("id-1-ODU4==", "1-ODU4==", "YWJj", 3), ("id-1-ODU5==", "1-ODU5==", "ZGVm", 1)]

    assert received(Answer(200, {}, messages(again))) == Received(expected[:1], None)
    assert received(Answer(200, {}, messages(again, first))) == Received(expected, 40.0)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=16))
def test_bodies_and_handles_survive(texts: list[tuple[str, str]]) -> None:
    """Character by character."""
    document = messages(*(message(body, handle=handle) for body, handle in texts))

    found = received(Answer(200, {}, document)).messages
    assert [(body, handle) for _, handle, body, _ in found] == texts


@pytest.mark.parametrize(
    "body", ["x" * 65536, "中" * 21845, '"&<>' * 16384], ids=["plain", "wide", "escaped"]
)
def test_the_longest_body_is_read_whole(body: str) -> None:
    """64 KB, in however many parts the parser hands them over."""
    assert bodies(messages(message(body), message("next"))) == [body, "next"]


def test_each_way_of_writing_a_body_is_understood() -> None:
    """CDATA, entities, numbers, a comment within: a server may write as it likes."""
    written = "<![CDATA[<!DOCTYPE a> & ]]>&lt;&amp;&gt;&quot;&apos;&#65;&#x4e2d;<!-- not this -->end"

    assert bodies(messages(message("BODY").replace("BODY", written))) == ["<!DOCTYPE a> & <&>\"'A中end"]


def test_a_character_that_xml_forbids_hides_no_message() -> None:
    """A publisher may put anything into a body; refused, it would come again until it is thrown away."""
    assert bodies(messages(message("B").replace(">B<", ">\x01<"))) == ["\x01"]


def test_a_document_with_air_in_it_is_the_same() -> None:
    """Indented, without a declaration, with properties and elements that came later."""
    text = message("a").replace(
        "</Message>", "<UserProperties><Name>MessageBody</Name></UserProperties></Message>"
    )
    airy = f'\n<Messages xmlns="{XMLNS}">' + text.replace("><", ">\n  <") + "\n</Messages>\n"

    assert bodies(airy.encode()) == ["a"]


@pytest.mark.parametrize("space", ["", ' xmlns="http://mns.aliyuncs.com/doc/v2/"'])
def test_the_namespace_does_not_matter(space: str) -> None:
    """Names are told by their last part, as the SDK does."""
    assert bodies(f"<Messages{space}>{message('a')}</Messages>".encode()) == ["a"]


def test_an_empty_queue_is_an_answer() -> None:
    """MNS says it with 404 and a code."""
    assert received(Answer(404, {}, refusal("MessageNotExist"))) == Received([])


DOCTYPES = [
    '<?xml version="1.0"?><!DOCTYPE Messages [<!ENTITY a "aaaa">]>',
    '<!DOCTYPE Messages SYSTEM "http://127.0.0.1/x.dtd">',
    "<!-- first --><!DOCTYPE Messages>",
]


@pytest.mark.parametrize("prolog", DOCTYPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_document_defines_anything(prolog: str, encoding: str) -> None:
    """A DOCTYPE is refused in every dress, and its entities with it."""
    text = f"{prolog}<Messages>{message('a')}</Messages>".encode(encoding)

    assert failure(received, 200, text).code == NO_ANSWER


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>log in first</html>",
        b"<html><p>not even XML",
        b'{"Messages": []}',
        b"\xff\xfe\x00",
        refusal("InternalError"),
        messages("<Message/>"),
        messages(message("a").replace("<DequeueCount>1", "<DequeueCount>one")),
        messages(message("a"), message("a").replace("ReceiptHandle", "Handle")),
        messages(message("a"), message("B").replace(">B<", ">&B;<")),
        messages(message("a")).replace(b">a<", b">\xff<"),
    ],
)
def test_what_is_no_answer_of_mns_is_not_believed(document: bytes) -> None:
    """Not in part either: one message that cannot be read makes the answer none."""
    error = failure(received, 200, document)

    assert (type(error), error.code) == (Unreachable, NO_ANSWER)
    assert "Something between here and MNS" in error.hint


@pytest.mark.parametrize(
    ("read", "status", "whole"),
    [
        (received, 200, messages(message("first", handle="1"), message("<&>", handle="2"))),
        (received, 404, refusal("MessageNotExist")),
        (lambda answer: voided(answer, 2), 404, document("Errors", VOID + VOID)),
        (lambda answer: voided(answer, 2), 404, refusal("ReceiptHandleError")),
        (new_handle, 200, PROLONGED),
        (received, 403, refusal("AccessDenied")),
    ],
    ids=["messages", "none", "failures", "all void", "handle", "error"],
)
def test_an_answer_cut_anywhere_is_none(read: Callable[[Answer], object], status: int, whole: bytes) -> None:
    """At every single byte: never a wrong message, a wrong handle or a wrong refusal."""
    for length in range(len(whole)):
        error = failure(read, status, whole[:length])
        assert (type(error), error.code) == (Unreachable, NO_ANSWER)


def test_a_delete_tells_how_many_handles_were_void() -> None:
    """All gone well has no document; what failed is listed, and only that."""
    assert voided(Answer(204, {}, b""), 3) == 0
    assert voided(Answer(404, {}, document("Errors", VOID + VOID)), 3) == 2
    assert voided(Answer(404, {}, refusal("ReceiptHandleError")), 3) == 3
    assert voided(Answer(404, {}, refusal("MessageNotExist")), 3) == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (200, b"<html/>"), (404, document("Errors", "")), (200, document("Errors", VOID))],
)
def test_a_delete_is_not_believed_of_strangers(status: int, body: bytes) -> None:
    """It is asked again: a message deleted twice is only counted as come too late."""
    assert failure(lambda answer: voided(answer, 1), status, body).code == NO_ANSWER


def test_a_delete_that_is_refused_raises() -> None:
    """It is no matter of handles then."""
    assert type(failure(lambda answer: voided(answer, 1), 403, refusal("AccessDenied"))) is Denied


def test_a_prolongation_gives_the_new_handle() -> None:
    """The old one is void."""
    assert new_handle(Answer(200, {}, PROLONGED)) == "new"


@pytest.mark.parametrize(
    "body", [b"", messages(message("a")), document("ChangeVisibility", "<ReceiptHandle></ReceiptHandle>")]
)
def test_a_prolongation_without_a_handle_is_none(body: bytes) -> None:
    """The message would be lost to us, and nobody would know."""
    assert failure(new_handle, 200, body).code == NO_ANSWER


@pytest.mark.parametrize("read", [received, lambda answer: voided(answer, 1), new_handle])
def test_a_refusal_says_what_mns_said(read: Callable[[Answer], object]) -> None:
    """Code, message and the request's id, for a ticket."""
    error = failure(read, 403, refusal("AccessDenied", " not yours \n"))

    assert (type(error), error.code, error.request_id) == (Denied, "AccessDenied", "R1")
    assert str(error).startswith("MNS: not yours (AccessDenied)")


def test_the_request_id_may_stand_in_the_header_alone() -> None:
    """MNS sends it with every answer."""
    body = document("Error", "<Code>AccessDenied</Code><Message>no</Message>")
    with pytest.raises(Denied) as caught:
        received(Answer(403, {"x-mns-request-id": "R2"}, body))

    assert caught.value.request_id == "R2"


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (409, Rejected), (500, Unreachable), (503, Unreachable)]
)
def test_an_unknown_code_is_of_the_sort_of_its_status(status: int, kind: type) -> None:
    """A refusal of this very request, or the service's own trouble."""
    assert type(failure(received, status, refusal("NeverHeardOf"))) is kind


@pytest.mark.parametrize("status", [301, 403, 404, 407, 500, 502, 503])
@pytest.mark.parametrize(
    "body", [b"", b"<html>sorry</html>", b"who are you?", document("Error", "<Code></Code>")]
)
def test_a_status_alone_is_no_answer(status: int, body: bytes) -> None:
    """Anybody on the way can send one."""
    error = failure(received, status, body)

    assert (type(error), error.code) == (Unreachable, NO_ANSWER)
