"""Log groups mean the same to us as to the official SDK, whose messages are the judge."""

from __future__ import annotations

from typing import Any

from aliyun.log.proto import LogGroup, LogGroupList
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.logs import StoredLog
from sink.local.sls.protobuf import LogGroups, group_list

pairs = st.lists(st.tuples(st.text(), st.text()), max_size=4).map(tuple)
logs = st.builds(
    StoredLog,
    time=st.integers(0, 2**32 - 1),
    contents=pairs,
    time_ns=st.none() | st.integers(0, 999_999_999),
    topic=st.just("topic"),
    source=st.just("source"),
    tags=st.just((("host", "主机"),)),
)


@given(st.lists(logs, max_size=5))
def test_a_group_is_read_as_the_sdk_wrote_it(written: list[StoredLog]) -> None:
    """Times with and without nanoseconds, contents in order, topic, source and tags."""
    assert LogGroups().logs(_encode(written)) == written


@given(st.lists(st.lists(logs, max_size=3), max_size=5))
def test_a_list_of_groups_is_read_by_the_sdk(written: list[list[StoredLog]]) -> None:
    """Groups travel in a list as they were put, byte for byte."""
    groups = [_encode(each) for each in written]
    read = LogGroupList.FromString(group_list(groups))
    assert [group.SerializeToString() for group in read.LogGroups] == groups


def _encode(written: list[StoredLog]) -> bytes:
    group: Any = LogGroup(Topic="topic", Source="source")
    for log in written:
        added = group.Logs.add(Time=log.time)
        if log.time_ns is not None:
            added.Time_ns = log.time_ns
        for key, value in log.contents:
            added.Contents.add(Key=key, Value=value)
    group.LogTags.add(Key="host", Value="主机")
    return bytes(group.SerializeToString())
