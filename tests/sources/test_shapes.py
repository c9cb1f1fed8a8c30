"""What the pattern reads is what a parser reads; what it cannot read so, it leaves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.sources.answers import Received, received
from sink.sources.shapes import rows_of
from sink.wire import Answer
from tests.sources.service import message, messages

WANTED = ("MessageId", "MessageBody")
NAMES = st.permutations(
    [
        "MessageId",
        "ReceiptHandle",
        "MessageBody",
        "DequeueCount",
        "FirstDequeueTime",
        "NextVisibleTime",
        "Else",
    ]
)
BREAKS = [
    "",
    "<!-- -->",
    "<Else/>",
    "<MessageBody>b</MessageBody>",
    "&amp;",
    "\r\n",
    "<",
    ">",
    "</Message>",
]


def rows(body: str, wanted: Sequence[str] = WANTED) -> list[tuple[str, ...]] | None:
    found = rows_of(body.encode(), wanted)
    return None if found is None else list(found)


def document(*texts: str) -> str:
    return f"<Messages>{''.join(f'<Message>{text}</Message>' for text in texts)}</Messages>"


def answered(body: str) -> Received | type[Exception]:
    try:
        return received(Answer(200, {}, body.encode()))
    except Exception as error:  # noqa: BLE001 - both ways have to raise the same, whatever it is
        return type(error)


@given(NAMES, st.lists(st.integers(0, 10**13), min_size=1, max_size=4), st.sampled_from(["", "\n", "  "]))
def test_it_reads_what_a_parser_reads(names: list[str], values: list[int], air: str) -> None:
    """In any order of the fields, with and without air."""
    texts = [air.join(["", *(f"<{name}>{value}</{name}>" for name in names), ""]) for value in values]
    body = f'<?xml version="1.0"?>\n<Messages xmlns="x">{air}' + document(*texts).removeprefix("<Messages>")
    parsed = body.replace("</Messages>", "<!-- the parser's --></Messages>")

    assert rows_of(parsed.encode(), WANTED) is None
    assert rows(body) == [(str(value), str(value)) for value in values]
    assert answered(body) == answered(parsed)


@given(st.data())
def test_broken_anywhere_it_reads_nothing_that_a_parser_does_not(data: st.DataObject) -> None:
    """Something is put in, or something taken out, at any place."""
    whole = messages(message("YWJj", handle="1-a"), message("ZGVm", handle="1-b")).decode()
    at = data.draw(st.integers(0, len(whole)))
    taken = data.draw(st.integers(0, 40))
    body = whole[:at] + data.draw(st.sampled_from(BREAKS)) + whole[at + taken :]

    if rows_of(body.encode(), ("MessageBody",)) is not None:
        assert answered(body) == answered(body.replace("</Messages>", "<!-- the parser's --></Messages>"))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<Messages></Messages>",
        "<Error><Code>MessageNotExist</Code></Error>",
        document("<MessageId>1</MessageId>"),
        document("<MessageId>1</MessageId><MessageBody>&lt;</MessageBody>"),
        document("<MessageId>1</MessageId><MessageBody>a\r\nb</MessageBody>"),
        document("<MessageId>1</MessageId><MessageBody><![CDATA[a]]></MessageBody>"),
        document('<MessageId a="b">1</MessageId><MessageBody>2</MessageBody>'),
        document("<MessageId>1</MessageId><MessageBody>2</MessageBody><Empty/>"),
        document("<MessageId>1</MessageId><MessageBody>2</MessageBody>", "<MessageId>1</MessageId>"),
        document(
            "<MessageId>1</MessageId><MessageBody>2</MessageBody>",
            "<MessageBody>2</MessageBody><MessageId>1</MessageId>",
        ),
        document("<MessageId>1</MessageId><MessageBody>2</MessageBody>") + "<Messages>",
        "<!DOCTYPE a>" + document("<MessageId>1</MessageId><MessageBody>2</MessageBody>"),
        "\ufeff" + document("<MessageId>1</MessageId><MessageBody>2</MessageBody>"),
    ],
)
def test_what_is_not_of_the_usual_form_is_left(body: str) -> None:
    """To a parser, which knows whether it is right."""
    assert rows(body) is None


def test_what_is_no_utf8_is_left() -> None:
    """As it cannot be text."""
    assert rows_of(messages(message("a")).replace(b">a<", b">\xff<"), WANTED) is None
