"""MNS's answers as data, or as the error that they tell. `queue.py` asks for them.

An answer counts only whole and in MNS's own shape. All else, a proxy's page, half a document, nothing at
all, is `Unreachable`, code `NO_ANSWER`: nobody knows what became of the request.

ElementTree reads the XML, but for the usual answer to a receive (`shapes.py`). A DOCTYPE is refused, and with
it every entity that a document could define.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, XMLParser

from sink.errors import CloudError, Rejected, Unreachable
from sink.sources.errors import error_of
from sink.sources.shapes import rows_of
from sink.wire import NO_ANSWER, Answer

_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?xml[^>]*\?>)?\s*<[A-Za-z]")
"""What stands before the root: at most a declaration."""

_MESSAGE = (
    "MessageId",
    "ReceiptHandle",
    "MessageBody",
    "DequeueCount",
    "FirstDequeueTime",
    "NextVisibleTime",
)


class Received(NamedTuple):
    """What a receive brought."""

    messages: Sequence[tuple[str, str, str, int]]
    """Id, handle, body and dequeue count of each."""
    lease_seconds: float | None = None
    """How long one lease lasts. Only a first delivery tells: it began at FirstDequeueTime."""


def received(answer: Answer) -> Received:
    """The messages of a receive; none is an answer, too. Raises CloudError."""
    if answer.status == 200:
        return _messages(answer)
    error = _refusal(answer)
    if error.code == "MessageNotExist":
        return Received([])
    raise error


def voided(answer: Answer, asked: int) -> int:
    """How many of the handles `asked` to be deleted were void: their messages come again. Raises CloudError.

    A partial failure is an answer, not an error; it lists what failed and nothing else.
    """
    if answer.status == 204:
        return 0
    root = _document(answer)
    if answer.status >= 400 and _local(root) == "Errors" and len(root):
        return len(root)
    error = _refusal(answer)
    if error.code in ("ReceiptHandleError", "MessageNotExist"):
        return asked
    raise error


def new_handle(answer: Answer) -> str:
    """The handle that a prolonged message goes by from now on. Raises CloudError."""
    if answer.status != 200:
        raise _refusal(answer)
    handle = _fields(_root(answer, "ChangeVisibility")).get("ReceiptHandle")
    if not handle:
        raise _no_answer("a prolongation without a handle")
    return handle


def _messages(answer: Answer) -> Received:
    """Read every message, or none: an answer is not believed in part."""
    try:
        rows = rows_of(answer.body, _MESSAGE) or _parsed_rows(_root(answer, "Messages"))
        messages = [(name, handle, body, int(count)) for name, handle, body, count, _, _ in rows]
        leases = (int(hidden_until) - int(since) for *_, count, since, hidden_until in rows if count == "1")
        lease_ms = next(leases, None)
        return Received(messages, None if lease_ms is None else lease_ms / 1000)
    except (KeyError, ValueError) as error:
        raise _no_answer(f"a message that lacks something: {error}") from error


def _parsed_rows(root: Element) -> list[tuple[str, ...]]:
    return [tuple(fields[name] for name in _MESSAGE) for fields in map(_fields, root)]


def _refusal(answer: Answer) -> CloudError:
    """The error that an answer tells; Unreachable where it tells none."""
    root = _document(answer)
    fields = _fields(root)
    if answer.status < 300 or _local(root) != "Error" or not fields.get("Code"):
        return _no_answer(f"HTTP {answer.status} without a code of MNS's")
    request_id = fields.get("RequestId") or answer.headers.get("x-mns-request-id", "")
    unlisted = Unreachable if answer.status >= 500 else Rejected
    return error_of(fields["Code"], fields.get("Message", "").strip(), request_id, unlisted=unlisted)


def _root(answer: Answer, name: str) -> Element:
    root = _document(answer)
    if _local(root) != name:
        raise _no_answer(f"<{_local(root)}> in place of <{name}>")
    return root


def _document(answer: Answer) -> Element:
    """Parse an answer as UTF-8, whatever it says of itself: so no encoding hides a DOCTYPE."""
    if not _PROLOG.match(answer.body):
        raise _no_answer(f"HTTP {answer.status} without a document of MNS's")
    parser = XMLParser(encoding="utf-8")
    try:
        parser.feed(answer.body)
        root: Element = parser.close()
    except ParseError as error:
        raise _no_answer(f"HTTP {answer.status} with a broken document: {error}") from error
    return root


def _fields(element: Element) -> dict[str, str]:
    return {_local(child): child.text or "" for child in element}


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _no_answer(what: str) -> CloudError:
    return error_of(NO_ANSWER, f"no answer of MNS's: {what}")
