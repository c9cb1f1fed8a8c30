"""Cursors and PullLogs: what was put comes out of its shard again, in order and byte for byte."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from aliyun.log import LogClient
from aliyun.log.proto import LogGroup

from tests.local.conftest import running_cloud
from tests.local.sls.conftest import Store, refusal

KEY = "0" * 32


@pytest.fixture
def filled(store: Store) -> Store:
    """Five groups in shard 0."""
    for number in range(5):
        store.put({"n": str(number)}, hash_key=KEY)
    return store


def _cursor(store: Store, from_: object) -> str:
    return str(store.client.get_cursor(store.project, store.name, 0, from_).get_cursor())


def test_groups_come_in_order(filled: Store) -> None:
    """From the beginning to the end, where the next cursor is the end cursor."""
    pulled = filled.client.pull_logs(filled.project, filled.name, 0, _cursor(filled, "begin"))
    assert [log["n"] for log in pulled.get_flatten_logs_json()] == ["0", "1", "2", "3", "4"]
    assert (pulled.get_loggroup_count(), pulled.get_next_cursor()) == (5, _cursor(filled, "end"))


@pytest.mark.parametrize("compress_type", ["lz4", "zstd", "deflate", "identity"])
def test_an_answer_is_compressed_as_asked(filled: Store, compress_type: str) -> None:
    """Accept-Encoding chooses; what is not known is answered plainly."""
    params = {"type": "log", "cursor": _cursor(filled, "begin"), "count": "2"}
    headers = {"Accept-Encoding": compress_type, "Accept": "application/x-protobuf"}
    path = f"/logstores/{filled.name}/shards/0"
    _, answered = filled.client._send("GET", filled.project, None, path, params, headers, "binary")
    expected = None if compress_type == "identity" else compress_type
    assert answered.get("x-log-compresstype") == expected


def test_a_group_comes_out_byte_for_byte(store: Store) -> None:
    """Also what we do not know of it, like the reserved fields."""
    group = LogGroup(Topic="t", Reserved="r", MachineUUID="m")
    group.Logs.add(Time=int(time.time()), Time_ns=7).Contents.add(Key="k", Value="值")
    store.client.put_log_raw(store.project, store.name, group)
    cursors = [(shard, store.client.get_begin_cursor(store.project, store.name, shard)) for shard in (0, 1)]
    pulled = [
        store.client.pull_logs(store.project, store.name, shard, c.get_cursor()) for shard, c in cursors
    ]
    groups = [each for page in pulled for each in page.get_loggroup_list().LogGroups]
    assert [each.SerializeToString() for each in groups] == [group.SerializeToString()]


def test_count_and_end_cursor_limit_a_page(filled: Store) -> None:
    """Two groups at a time, and never one from the end cursor on."""
    begin, end = _cursor(filled, "begin"), _cursor(filled, "end")
    page = filled.client.pull_logs(filled.project, filled.name, 0, begin, count=2)
    assert [log["n"] for log in page.get_flatten_logs_json()] == ["0", "1"]
    rest = filled.client.pull_logs(filled.project, filled.name, 0, begin, end_cursor=page.get_next_cursor())
    assert [log["n"] for log in rest.get_flatten_logs_json()] == ["0", "1"]
    assert filled.client.pull_logs(filled.project, filled.name, 0, end).get_next_cursor() == end


def test_a_page_holds_ten_megabytes_at_most(store: Store) -> None:
    """The group that would exceed them waits for the next page, but one always comes."""
    for _ in range(3):
        store.put(*[{"a": "x" * 900_000}] * 5, hash_key=KEY)
    page = store.client.pull_logs(store.project, store.name, 0, _cursor(store, "begin"))
    assert page.get_loggroup_count() == 2


def test_cursors_are_numbers_that_count_groups(filled: Store) -> None:
    """Official clients decode them and count by one."""
    begin, end = (int(base64.b64decode(_cursor(filled, from_))) for from_ in ("begin", "end"))
    assert end - begin == 5


def test_a_time_finds_the_first_group_received_then(
    tmp_path: Path, log_client: Callable[..., LogClient]
) -> None:
    """At or after it; before the first it is the beginning, after the last the end."""
    with running_cloud(tmp_path) as cloud:
        store = Store(log_client(cloud.url), "my-project")
        store.client.create_project(store.project, "")
        store.client.create_logstore(store.project, store.name, shard_count=1)
        store.put({"n": "0"})
        cloud.clock.forward(100)
        store.put({"n": "1"})
        now = int(cloud.clock())
        assert _cursor(store, now - 1000) == _cursor(store, "begin")
        middle = _cursor(store, now - 50)
        assert store.client.get_cursor_time(store.project, store.name, 0, middle).get_cursor_time() >= now
        previous = store.client.get_previous_cursor_time(store.project, store.name, 0, middle)
        assert previous.get_cursor_time() < now - 90
        assert _cursor(store, now + 1000) == _cursor(store, "end")


def test_the_time_of_an_empty_shard_can_be_asked(store: Store) -> None:
    """The SDK asks for the group before the cursor, and falls back to the ends when there is none."""
    now = int(time.time())
    asked = store.client.get_previous_cursor_time(store.project, store.name, 0, _cursor(store, "begin"))
    assert abs(asked.get_cursor_time() - now) < 10


def test_a_cursor_out_of_range_is_invalid(filled: Store) -> None:
    """InvalidCursor, by which official consumers know to start over."""
    beyond = base64.b64encode(str(10**19).encode()).decode()
    assert refusal(lambda: filled.client.pull_logs(filled.project, filled.name, 0, beyond)) == (
        400,
        "InvalidCursor",
    )


def test_what_is_no_cursor_is_refused(filled: Store) -> None:
    """ParameterInvalid, as for a time that is none."""
    assert refusal(lambda: filled.client.pull_logs(filled.project, filled.name, 0, "???")) == (
        400,
        "ParameterInvalid",
    )
    path = f"/logstores/{filled.name}/shards/0"
    params = {"type": "cursor", "from": "yesterday"}
    assert refusal(lambda: filled.client._send("GET", filled.project, None, path, params, {})) == (
        400,
        "ParameterInvalid",
    )


def test_a_shard_that_is_not_there_is_named(filled: Store) -> None:
    """400 ShardNotExist."""
    assert refusal(lambda: filled.client.get_begin_cursor(filled.project, filled.name, 9)) == (
        400,
        "ShardNotExist",
    )


def test_consuming_by_query_is_refused_loudly(filled: Store) -> None:
    """SPL is not emulated."""
    pull = partial(filled.client.pull_logs, filled.project, filled.name, 0, _cursor(filled, "begin"))
    assert refusal(lambda: pull(query="* | where n = '1'")) == (400, "ParameterInvalid")
