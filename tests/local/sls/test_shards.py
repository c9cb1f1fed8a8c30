"""How hash keys are divided among shards, before and after splitting and merging."""

from __future__ import annotations

from pathlib import Path

import pytest
from aliyun.log import LogClient
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.database import open_database
from sink.local.sls.logstores import Logstores
from sink.local.sls.projects import Projects
from sink.local.sls.shards import Shards
from tests.local.sls.conftest import Store, refusal

MIDDLE = "8" + "0" * 31
LAST = "f" * 32


def test_a_logstore_begins_with_even_shards(client: LogClient, store: Store) -> None:
    """Each range begins where the one before ends."""
    shards = client.list_shards(store.project, store.name).get_shards_info()
    ranges = [(shard["inclusiveBeginKey"], shard["exclusiveEndKey"]) for shard in shards]
    assert ranges == [("0" * 32, MIDDLE), (MIDDLE, LAST)]
    assert [shard["status"] for shard in shards] == ["readwrite", "readwrite"]


def test_load_is_balanced(store: Store) -> None:
    """Groups without a hash key go to the shards in turn."""
    for number in range(6):
        store.put({"n": str(number)})
    assert [len(store.pull(0)), len(store.pull(1))] == [3, 3]


@pytest.mark.parametrize(
    ("key", "shard"), [("0" * 32, 0), ("7" + "f" * 31, 0), (MIDDLE, 1), (LAST, 1), (LAST.upper(), 1)]
)
def test_a_hash_key_finds_its_shard(store: Store, key: str, shard: int) -> None:
    """Ranges include their beginning and not their end, except the very last key."""
    store.put({"a": "1"}, hash_key=key)
    assert len(store.pull(shard)) == 1


@pytest.mark.parametrize("key", ["", "xyz", "0" * 31, "g" * 32])
def test_a_bad_hash_key_is_refused(store: Store, key: str) -> None:
    """ParameterInvalid; an empty key means any shard."""
    if key:
        assert refusal(lambda: store.put({"a": "1"}, hash_key=key)) == (400, "ParameterInvalid")
    else:
        store.put({"a": "1"}, hash_key=key)


def test_a_split_makes_two_of_one(client: LogClient, store: Store) -> None:
    """The answer is the old shard, readonly, and its two heirs."""
    key = "4" + "0" * 31
    answer = client.split_shard(store.project, store.name, 0, key).get_shards_info()
    assert [(s["shardID"], s["status"], s["exclusiveEndKey"]) for s in answer] == [
        (0, "readonly", MIDDLE),
        (2, "readwrite", key),
        (3, "readwrite", MIDDLE),
    ]


def test_a_merge_makes_one_of_two(client: LogClient, store: Store) -> None:
    """The answer is the new shard and the two old ones, readonly."""
    answer = client.merge_shard(store.project, store.name, 0).get_shards_info()
    assert [(s["shardID"], s["status"]) for s in answer] == [
        (2, "readwrite"),
        (0, "readonly"),
        (1, "readonly"),
    ]
    assert (answer[0]["inclusiveBeginKey"], answer[0]["exclusiveEndKey"]) == ("0" * 32, LAST)


def test_the_last_shard_cannot_be_merged(client: LogClient, store: Store) -> None:
    """ParameterInvalid: it has no neighbour to the right."""
    assert refusal(lambda: client.merge_shard(store.project, store.name, 1)) == (400, "ParameterInvalid")


@pytest.mark.parametrize("key", ["0" * 32, MIDDLE, LAST, "xyz"])
def test_a_split_key_has_to_lie_inside(client: LogClient, store: Store, key: str) -> None:
    """ParameterInvalid for the ends of the range and beyond."""
    assert refusal(lambda: client.split_shard(store.project, store.name, 0, key)) == (400, "ParameterInvalid")


def test_a_readonly_shard_is_final(client: LogClient, store: Store) -> None:
    """It can be read, but neither split nor merged nor written to."""
    store.put({"a": "before"}, hash_key="0" * 32)
    client.merge_shard(store.project, store.name, 0)
    store.put({"a": "after"}, hash_key="0" * 32)
    assert [log["a"] for log in store.pull(0)] == ["before"]
    assert [log["a"] for log in store.pull(2)] == ["after"]
    assert refusal(lambda: client.split_shard(store.project, store.name, 0, "1" * 32)) == (
        400,
        "ParameterInvalid",
    )
    assert refusal(lambda: client.merge_shard(store.project, store.name, 0)) == (400, "ParameterInvalid")


def test_only_writable_shards_count(client: LogClient, store: Store) -> None:
    """GetLogStore's shardCount after a split."""
    client.split_shard(store.project, store.name, 0, "1" * 32)
    assert client.get_logstore(store.project, store.name).get_shard_count() == 3


@given(data=st.data(), count=st.integers(1, 5), key=st.integers(0, 2**128 - 1))
def test_every_key_has_exactly_one_writable_shard(data: st.DataObject, count: int, key: int) -> None:
    """However a logstore was split and merged, its writable shards cover all keys once."""
    database = open_database(Path(":memory:"))
    shards = Shards(database, lambda: 1000.0)
    Projects(database, lambda: 1000.0).create("1", {"projectName": "project"})
    store_id = Logstores(database, lambda: 1000.0).create(
        1, {"logstoreName": "events", "ttl": 1, "shardCount": count}
    )
    shards.create(store_id, count)
    for _ in range(data.draw(st.integers(0, 5))):
        writable = [shard for shard in shards.of(store_id) if shard.writable]
        chosen = data.draw(st.sampled_from(writable))
        if data.draw(st.booleans()):
            shards.split(chosen, "", 2)
        elif chosen.end_key != LAST:
            shards.merge(chosen)
    writable = [shard for shard in shards.of(store_id) if shard.writable]
    ranges = sorted((shard.begin_key, shard.end_key) for shard in writable)
    assert [ranges[0][0], *(end for _, end in ranges)] == [*(begin for begin, _ in ranges), LAST]
    assert shards.route(store_id, f"{key:032x}") in writable
    database.close()
