"""Consumer groups, by single calls and by the official consumer library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aliyun.log import LogClient
from aliyun.log.consumer import ConsumerProcessorBase, ConsumerWorker, CursorPosition, LogHubConfig

from tests.local.conftest import RunningCloud, running_cloud
from tests.local.sls.conftest import Store, refusal

GROUP = "readers"


@pytest.fixture
def group(store: Store) -> Store:
    """A logstore with a consumer group of 60 seconds."""
    store.client.create_consumer_group(store.project, store.name, GROUP, 60)
    return store


def _beat(store: Store, consumer: str, *shards: int) -> list[int]:
    return list(
        store.client.heart_beat(store.project, store.name, GROUP, consumer, list(shards)).get_shards()
    )


def _checkpoints(store: Store, shard: int = -1) -> list[dict[str, Any]]:
    found = store.client.get_check_point(store.project, store.name, GROUP, shard)
    return list(found.get_consumer_group_check_points())


def test_a_group_is_listed_as_it_was_created(group: Store) -> None:
    """Name, timeout in seconds, order."""
    listed = group.client.list_consumer_group(group.project, group.name).get_consumer_groups()
    assert [(g.consumer_group_name, g.timeout, g.in_order) for g in listed] == [(GROUP, 60, False)]


def test_a_group_is_created_once(group: Store) -> None:
    """400 ConsumerGroupAlreadyExist, from which the consumer library goes on to update it."""
    again = partial(group.client.create_consumer_group, group.project, group.name, GROUP, 60)
    assert refusal(again) == (400, "ConsumerGroupAlreadyExist")


def test_a_group_can_be_changed(group: Store) -> None:
    """What is not given stays."""
    group.client.update_consumer_group(group.project, group.name, GROUP, in_order=True)
    listed = group.client.list_consumer_group(group.project, group.name).get_consumer_groups()[0]
    assert (listed.timeout, listed.in_order) == (60, True)


def test_a_deleted_group_is_gone(group: Store) -> None:
    """404 ConsumerGroupNotExist."""
    group.client.delete_consumer_group(group.project, group.name, GROUP)
    assert refusal(lambda: _beat(group, "a")) == (404, "ConsumerGroupNotExist")


def test_a_faulty_group_is_refused(store: Store) -> None:
    """JsonInfoInvalid."""
    create = partial(store.client.create_consumer_group, store.project, store.name, GROUP, 0)
    assert refusal(create) == (400, "JsonInfoInvalid")


def test_consumers_share_the_shards(group: Store) -> None:
    """The second gets one when the first has let it go."""
    assert _beat(group, "a") == [0, 1]
    assert _beat(group, "b") == []
    assert _beat(group, "a", 0, 1) == [0]
    assert _beat(group, "b") == []
    assert _beat(group, "a", 0) == [0]
    assert _beat(group, "b") == [1]


def test_a_silent_consumer_is_forgotten(tmp_path: Path, log_client: Callable[..., LogClient]) -> None:
    """Its shards go to the others; it has to come back with empty hands."""
    with running_cloud(tmp_path) as cloud:
        store = Store(log_client(cloud.url), "my-project")
        store.client.create_project(store.project, "")
        store.client.create_logstore(store.project, store.name, shard_count=2)
        store.client.create_consumer_group(store.project, store.name, GROUP, 60)
        assert _beat(store, "a") == [0, 1]
        cloud.clock.forward(59)
        assert _beat(store, "b") == []
        cloud.clock.forward(2)
        assert _beat(store, "b") == [0, 1]
        assert refusal(lambda: _beat(store, "a", 0, 1)) == (400, "NotExistConsumerWithBody")
        assert _beat(store, "a") == []


def test_a_checkpoint_is_kept(group: Store) -> None:
    """With its consumer, for its shard."""
    _beat(group, "a")
    group.client.update_check_point(group.project, group.name, GROUP, 1, "MTIz", "a")
    kept = _checkpoints(group, 1)
    assert [(c["shard"], c["checkpoint"], c["consumer"]) for c in kept] == [(1, "MTIz", "a")]


def test_every_shard_has_a_checkpoint(group: Store) -> None:
    """An empty one where nobody has been; none for a shard that does not exist."""
    assert [(c["shard"], c["checkpoint"]) for c in _checkpoints(group)] == [(0, ""), (1, "")]
    assert _checkpoints(group, 7) == []


def test_a_checkpoint_of_a_stranger_needs_force(group: Store) -> None:
    """404 ConsumerNotExist without, taken with forceSuccess."""
    update = group.client.update_check_point
    where = (group.project, group.name, GROUP, 0, "MTIz")
    assert refusal(lambda: update(*where, "nobody", force_success=False)) == (404, "ConsumerNotExist")
    update(*where, "nobody", force_success=True)
    assert _checkpoints(group, 0)[0]["checkpoint"] == "MTIz"


def test_a_checkpoint_has_to_be_base64(group: Store) -> None:
    """400 InvalidShardCheckPoint."""
    update = partial(group.client.update_check_point, group.project, group.name, GROUP, 0, "?")
    assert refusal(update) == (400, "InvalidShardCheckPoint")


def test_an_ordered_group_reads_parents_first(store: Store) -> None:
    """The heirs of a split are handed out once the split shard has been read to its end."""
    client, project, name = store.client, store.project, store.name
    client.create_consumer_group(project, name, GROUP, 60, in_order=True)
    store.put({"a": "1"}, hash_key="0" * 32)
    client.split_shard(project, name, 0, "4" + "0" * 31)
    assert _beat(store, "a") == [0, 1]
    end = client.get_end_cursor(project, name, 0).get_cursor()
    client.update_check_point(project, name, GROUP, 0, end, "a")
    assert _beat(store, "a", 0, 1) == [0, 1, 2, 3]


class Reader(ConsumerProcessorBase):  # type: ignore[misc]
    """Notes what it is given."""

    def __init__(self, name: str, seen: list[tuple[str, int, str]]) -> None:
        super().__init__()
        self.name = name
        self.seen = seen

    def process(self, log_groups: Any, check_point_tracker: Any) -> None:
        """Read a batch and leave a checkpoint."""
        for group in log_groups.LogGroups:
            self.seen.extend((self.name, self.shard_id, log.Contents[0].Value) for log in group.Logs)
        self.save_checkpoint(check_point_tracker, force=True)


@pytest.fixture
def start_worker(
    sls: RunningCloud, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Run official consumer workers on the logstore."""
    monkeypatch.setattr("aliyun.log.logclient.Util.is_row_ip", lambda endpoint: True)
    workers: list[Any] = []

    def start(name: str, seen: list[tuple[str, int, str]]) -> Any:
        option = LogHubConfig(
            sls.url, "local", "local-secret", store.project, store.name, GROUP, name,
            cursor_position=CursorPosition.BEGIN_CURSOR, heartbeat_interval=1, data_fetch_interval=0.1,
        )  # fmt: skip
        workers.append(ConsumerWorker(Reader, option, args=(name, seen)))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.shutdown()
    for worker in workers:
        worker.join(20)


def test_official_workers_share_a_logstore(store: Store, start_worker: Callable[..., Any]) -> None:
    """One reads all; a second takes half of the shards over; nothing is missed or read twice."""
    seen: list[tuple[str, int, str]] = []
    _put(store, 0, 10)
    first = start_worker("first", seen)
    _until(lambda: len(seen) == 10)
    second = start_worker("second", seen)
    _until(lambda: len(second.heart_beat.get_held_shards()) == len(first.heart_beat.get_held_shards()) == 1)
    _put(store, 10, 20)
    _until(lambda: len(seen) >= 20)
    assert sorted(int(value) for _, _, value in seen) == list(range(20))
    assert {name for name, _, value in seen if int(value) >= 10} == {"first", "second"}


def _put(store: Store, first: int, end: int) -> None:
    for number in range(first, end):
        store.put({"n": str(number)})


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
