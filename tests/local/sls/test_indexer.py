"""Logs become searchable a moment after they were put: each once, also through a kill -9."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aliyun.log import LogClient

from tests.local.conftest import CloudProcess, running_cloud
from tests.local.sls.conftest import Store


def _store(client: LogClient) -> Store:
    store = Store(client, "my-project")
    client.create_project(store.project, "")
    client.create_logstore(store.project, store.name, shard_count=2)
    store.index(n="long")
    return store


def test_a_query_right_after_a_put_misses_it(tmp_path: Path, log_client: Callable[..., LogClient]) -> None:
    """The index is behind by its latency; cursors see the log at once."""
    with running_cloud(tmp_path, index_latency_seconds=3600.0) as cloud:
        store = _store(log_client(cloud.url))
        store.put({"n": "1"})
        assert store.get() == []
        assert len(store.pull(0)) + len(store.pull(1)) == 1


def test_what_was_not_indexed_is_indexed_after_a_restart(
    tmp_path: Path, log_client: Callable[..., LogClient]
) -> None:
    """The shard has it, so the next process goes on where the last one ended."""
    with running_cloud(tmp_path, index_latency_seconds=3600.0) as cloud:
        _store(log_client(cloud.url)).put({"n": "1"})
    with running_cloud(tmp_path, index_latency_seconds=0.0) as cloud:
        store = Store(log_client(cloud.url), "my-project")
        assert [log["n"] for log in store.wait_for(1)] == ["1"]


def test_a_kill_neither_loses_nor_doubles_a_log(
    cloud_process: Callable[..., CloudProcess], log_client: Callable[..., LogClient]
) -> None:
    """Killed in the middle of indexing, three times over: every answered log is there once."""
    process = cloud_process("--index-latency", "0")
    store = _store(log_client(process.url))
    for life in range(3):
        for number in range(life * 20, life * 20 + 20):
            store.put({"n": str(number)})
        process.kill()
        process = cloud_process("--index-latency", "0")
        store = Store(log_client(process.url), "my-project")
    found = store.wait_for(60)
    assert sorted(int(log["n"]) for log in found) == list(range(60))
    assert len(store.pull(0)) + len(store.pull(1)) == 60


def test_logs_before_the_index_stay_unsearchable(store: Store) -> None:
    """An index applies to logs that come after it."""
    store.put({"n": "early"})
    store.index(n="text")
    store.put({"n": "late"})
    assert [log["n"] for log in store.wait_for(1)] == ["late"]


def test_many_groups_are_all_indexed(store: Store) -> None:
    """Also more than fit into one batch."""
    store.index(n="long")
    for number in range(600):
        store.put({"n": str(number)})
    store.wait_for(1, "n >= 599")
    found = store.get("*", size=-1)
    assert sorted(int(log["n"]) for log in found) == list(range(600))
