"""What PutLogs takes and refuses; a refused group leaves nothing behind."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aliyun.log import LogClient, LogItem, PutLogsRequest
from aliyun.log.proto import LogGroup, LogGroupRaw
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.compression import compress
from sink.local.sls.errors import SlsError
from sink.local.sls.protobuf import LogGroups
from sink.local.sls.put_logs import PutLogsLimits, read_log_group
from tests.local.conftest import RunningCloud
from tests.local.sls.conftest import Store, refusal

HOUR = 3600


@pytest.mark.parametrize("compressed", [True, False])
def test_a_group_is_taken_compressed_or_not(store: Store, compressed: bool) -> None:
    """lz4 is the SDK's habit, plain bodies are fine."""
    item = LogItem(int(time.time()), contents=[("a", "1")])
    request = PutLogsRequest(store.project, store.name, "", "", [item], compress=compressed)
    store.client.put_logs(request)
    assert _count(store) == 1


@pytest.mark.parametrize("compress_type", ["zstd", "deflate"])
def test_other_compressions_are_taken(store: Store, compress_type: str) -> None:
    """Clients of other languages send zstd or deflate."""
    raw = _group({"a": "1"}).SerializeToString()
    _send(store, compress(compress_type, raw), len(raw), {"x-log-compresstype": compress_type})
    assert _count(store) == 1


def test_an_empty_group_is_taken_and_leaves_nothing(store: Store) -> None:
    """The SDK sends an empty list as it is, and the service does not mind."""
    store.put()
    assert _count(store) == 0


@pytest.mark.parametrize("age_seconds", [-14 * 60, 0, 167 * HOUR])
def test_a_log_within_the_window_is_taken(store: Store, age_seconds: int) -> None:
    """From 168 hours back to 15 minutes ahead."""
    store.put({"a": "1"}, at=int(time.time()) - age_seconds)
    assert _count(store) == 1


@pytest.mark.parametrize("age_seconds", [-16 * 60, 169 * HOUR])
def test_one_log_outside_the_window_refuses_the_group(store: Store, age_seconds: int) -> None:
    """PostBodyInvalid, and its good neighbours are not written either."""
    now = int(time.time())
    items = [LogItem(at, contents=[("a", "1")]) for at in (now, now - age_seconds, now)]
    request = PutLogsRequest(store.project, store.name, "", "", items)
    assert refusal(lambda: store.client.put_logs(request)) == (400, "PostBodyInvalid")
    assert _count(store) == 0


def test_4096_logs_are_taken_and_one_more_is_not(store: Store) -> None:
    """PostBodyTooLarge."""
    store.put(*[{"a": "1"}] * 4096)
    assert _count(store) == 4096
    assert refusal(lambda: store.put(*[{"a": "1"}] * 4097)) == (400, "PostBodyTooLarge")


def test_ten_megabytes_are_too_many(store: Store) -> None:
    """Nine are taken, eleven are PostBodyTooLarge, whatever they are compressed to."""
    store.put(*[{"a": "x" * 900_000}] * 10)
    assert refusal(lambda: store.put(*[{"a": "x" * 1_000_000}] * 11)) == (400, "PostBodyTooLarge")


def test_a_value_may_have_a_megabyte(store: Store) -> None:
    """One byte more is PostBodyTooLarge; bytes count, not characters."""
    store.put({"a": "x" * 1024 * 1024})
    assert refusal(lambda: store.put({"a": "x" * (1024 * 1024 + 1)})) == (400, "PostBodyTooLarge")
    assert refusal(lambda: store.put({"a": "例" * 350_000})) == (400, "PostBodyTooLarge")


def test_a_key_may_have_128_bytes(store: Store) -> None:
    """One more, or none at all, is InvalidKey."""
    store.put({"k" * 128: "1"})
    assert refusal(lambda: store.put({"k" * 129: "1"})) == (400, "InvalidKey")
    assert refusal(lambda: store.put({"例" * 43: "1"})) == (400, "InvalidKey")
    assert refusal(lambda: store.put({"": "1"})) == (400, "InvalidKey")


def test_text_has_to_be_utf8(store: Store) -> None:
    """InvalidEncoding for a value that is not."""
    group: Any = LogGroupRaw()
    group.Logs.add(Time=int(time.time())).Contents.add(Key="a", Value=b"\xff\xfe")
    assert refusal(lambda: store.client.put_log_raw(store.project, store.name, group)) == (
        400,
        "InvalidEncoding",
    )


def test_nanoseconds_have_to_fit_into_a_second(store: Store) -> None:
    """InvalidTimestamp beyond 999 999 999."""
    group = _group({"a": "1"})
    group.Logs[0].Time_ns = 1_000_000_000
    assert refusal(lambda: store.client.put_log_raw(store.project, store.name, group)) == (
        400,
        "InvalidTimestamp",
    )


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x0a\x02\x10\x01"], ids=["garbage", "without a time"])
def test_what_is_no_log_group_is_refused(store: Store, body: bytes) -> None:
    """PostBodyInvalid."""
    assert refusal(lambda: _send(store, body, len(body), {})) == (400, "PostBodyInvalid")


@given(st.data())
def test_any_bytes_are_taken_or_refused(data: st.DataObject) -> None:
    """A damaged group, or no group at all, never surprises the server."""
    raw = bytearray(_group({"a": "1", "例": "值"}).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    headers = {"content-type": "application/x-protobuf", "x-log-bodyrawsize": str(len(raw))}
    try:
        kept, count = read_log_group(headers, bytes(raw), LogGroups(), PutLogsLimits(), time.time())
    except SlsError as refused:
        assert refused.status == 400  # noqa: PT017
    else:
        assert len(LogGroups().logs(kept)) == count


def test_the_raw_size_is_needed(store: Store) -> None:
    """MissingBodyRawSize without, InvalidBodyRawSize for what is no number or not the body's size."""
    body = _group({"a": "1"}).SerializeToString()
    assert refusal(lambda: _send(store, body, None, {})) == (400, "MissingBodyRawSize")
    assert refusal(lambda: _send(store, body, "many", {})) == (400, "InvalidBodyRawSize")
    assert refusal(lambda: _send(store, body, len(body) + 1, {})) == (400, "InvalidBodyRawSize")


def test_a_body_that_does_not_unpack_is_refused(store: Store) -> None:
    """PostBodyUncompressError; an unknown compression is InvalidCompressType."""
    lz4 = {"x-log-compresstype": "lz4"}
    assert refusal(lambda: _send(store, b"garbage", 100, lz4)) == (400, "PostBodyUncompressError")
    brotli = {"x-log-compresstype": "brotli"}
    assert refusal(lambda: _send(store, b"garbage", 100, brotli)) == (400, "InvalidCompressType")


def test_only_protobuf_is_taken(store: Store) -> None:
    """415 InvalidContentType for JSON, 400 MissingContentType for no type."""
    json = {"Content-Type": "application/json"}
    assert refusal(lambda: _send(store, b"{}", 2, json)) == (415, "InvalidContentType")
    assert refusal(lambda: _send(store, b"{}", 2, {"Content-Type": ""})) == (400, "MissingContentType")


def test_a_logstore_that_is_not_there_is_named(client: LogClient, project: str) -> None:
    """404 LogStoreNotExist; 404 ProjectNotExist for a project."""
    assert refusal(Store(client, project, "nowhere").put) == (404, "LogStoreNotExist")
    assert refusal(Store(client, "no-such-project").put) == (404, "ProjectNotExist")


def test_the_project_may_come_by_proxy(
    sls: RunningCloud, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With http_proxy the client keeps the vendor's endpoint, and the request line has it whole."""
    monkeypatch.setenv("http_proxy", sls.url)
    client = LogClient("http://cn-hangzhou.log.aliyuncs.com", "local", "local-secret", source="10.0.0.1")
    Store(client, store.project).put({"a": "1"})
    assert _count(store) == 1


def _group(log: dict[str, str]) -> Any:
    group: Any = LogGroup()
    added = group.Logs.add(Time=int(time.time()))
    for key, value in log.items():
        added.Contents.add(Key=key, Value=value)
    return group


def _send(store: Store, body: bytes, raw_size: object, headers: dict[str, str]) -> None:
    """PutLogs through the SDK's own signing, with a body and headers of the test's choice."""
    given = {"Content-Type": "application/x-protobuf", **headers}
    if raw_size is not None:
        given["x-log-bodyrawsize"] = str(raw_size)
    store.client._send("POST", store.project, body, f"/logstores/{store.name}/shards/lb", {}, given)


def _count(store: Store) -> int:
    return len(store.pull(0)) + len(store.pull(1))
