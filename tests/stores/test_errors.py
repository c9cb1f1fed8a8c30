"""What SLS's codes mean, and what is no word of SLS's."""

from __future__ import annotations

from itertools import product

import pytest

from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.stores.errors import error_in, error_of
from sink.wire import NO_ANSWER, Answer

CODES = [
    (500, "InternalServerError", Unreachable),
    (503, "ServerBusy", Unreachable),
    (502, "WhoKnows", Unreachable),
    (403, "WriteQuotaExceed", Throttled),
    (403, "ShardWriteQuotaExceed", Throttled),
    (400, "RequestTimeTooSkewed", Denied),
    (401, "Unauthorized", Denied),
    (403, "NeverHeardOf", Denied),
    (404, "LogStoreNotExist", Missing),
    (404, "LogstoreNotExists", Missing),
    (400, "PostBodyInvalid", Rejected),
    (413, "PostBodyTooLarge", Rejected),
    (400, "NeverHeardOf", Rejected),
]
"""Statuses and codes, and of which sort they are by the vendor's table."""


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_each_code_is_of_its_sort(status: int, code: str, kind: type[CloudError]) -> None:
    """Whoever asked."""
    assert type(error_of(code, status, "said so")) is kind


@pytest.mark.parametrize("code", ["LogRequestError", "BadResponse"])
def test_the_sdks_own_failures_are_unreachable(code: str) -> None:
    """It tells them with a status of 200, or with the one of a stranger's page."""
    assert {type(error_of(code, status, "x")) for status in (200, 400, 502)} == {Unreachable}


def refused(status: int, body: bytes) -> CloudError | None:
    return error_in(Answer(status, {"x-log-requestid": "R-1"}, body))


def test_a_refusal_is_told_in_the_services_words() -> None:
    """With the request's id, for the vendor's support asks for it."""
    error = refused(404, b'{"errorCode": "LogStoreNotExist", "errorMessage": "no such"}')

    assert isinstance(error, Missing)
    assert (error.code, error.request_id) == ("LogStoreNotExist", "R-1")
    assert str(error) == "SLS: no such (LogStoreNotExist). Correct [sls] logstore, or create the logstore"


@pytest.mark.parametrize("body", [b"", b'{"requestId": "R-1"}'])
def test_200_is_success(body: bytes) -> None:
    """SLS's has no body."""
    assert refused(200, body) is None


STRANGE_BODIES = [
    b"<html>log in first</html>",
    b"who are you?",
    b'{"errorCode": "PostBodyInva',
    b'["errorCode", "errorMessage"]',
    b"\xff\xfe",
]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *product([200, 204, 302, 400, 401, 403, 404, 413, 429, 500, 502], STRANGE_BODIES),
        (400, b'{"error": "too large"}'),
        (400, b'{"errorCode": 7, "errorMessage": null}'),
    ],
)
def test_an_answer_that_is_not_the_services_is_none(status: int, body: bytes) -> None:
    """A proxy that refuses a request refuses no log: nothing is split or set apart for it."""
    error = refused(status, body)

    assert isinstance(error, Unreachable)
    assert (error.code, error.hint) == (NO_ANSWER, "Check [sls] endpoint and the network")


@pytest.mark.parametrize("status", [204, 302, 400, 403, 413, 500, 503])
def test_an_error_without_a_word_is_none(status: int) -> None:
    """SLS always says what is wrong."""
    error = refused(status, b"")

    assert isinstance(error, Unreachable)
    assert error.message == f"SLS: no answer of SLS's, but status {status}: nothing (NoAnswer)"


def test_a_strangers_page_is_shown_in_part() -> None:
    """Its first words tell who it is."""
    error = refused(502, b"<title>nginx</title>" + b"x" * 10_000)

    assert error is not None
    assert "<title>nginx</title>" in error.message
    assert len(error.message) < 300
