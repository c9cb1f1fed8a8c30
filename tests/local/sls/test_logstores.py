"""The life of a logstore and of its index."""

from __future__ import annotations

import pytest
from aliyun.log import IndexConfig, IndexLineConfig, LogClient

from tests.local.sls.conftest import Store, refusal


def test_a_logstore_is_shown_as_it_was_created(client: LogClient, project: str) -> None:
    """Everything that the SDK insists on is there."""
    client.create_logstore(project, "full", ttl=7, shard_count=3, enable_tracking=True, append_meta=True)
    shown = client.get_logstore(project, "full")
    assert (shown.get_ttl(), shown.get_shard_count(), shown.get_enable_tracking()) == (7, 3, True)
    assert (shown.append_meta, shown.auto_split, shown.max_split_shard) == (True, True, 64)


def test_attributes_can_be_changed(client: LogClient, store: Store) -> None:
    """UpdateLogStore changes what it is given and leaves the rest."""
    client.update_logstore(store.project, store.name, ttl=90, enable_tracking=True)
    shown = client.get_logstore(store.project, store.name)
    assert (shown.get_ttl(), shown.get_enable_tracking(), shown.max_split_shard) == (90, True, 64)


def test_shards_do_not_follow_the_attribute(client: LogClient, store: Store) -> None:
    """The real service ignores shardCount in UpdateLogStore: shards are split and merged."""
    client.update_logstore(store.project, store.name, ttl=7, shard_count=5)
    assert client.get_logstore(store.project, store.name).get_shard_count() == 2


def test_a_name_is_taken_once(client: LogClient, store: Store) -> None:
    """400 LogstoreAlreadyExist."""
    assert refusal(lambda: client.create_logstore(store.project, store.name)) == (400, "LogstoreAlreadyExist")


def test_a_deleted_logstore_is_gone(client: LogClient, store: Store) -> None:
    """404 LogStoreNotExist, and a new one of its name is empty."""
    store.put({"a": "1"})
    client.delete_logstore(store.project, store.name)
    assert refusal(lambda: client.get_logstore(store.project, store.name)) == (404, "LogStoreNotExist")
    client.create_logstore(store.project, store.name, shard_count=1)
    assert store.pull(0) == []


def test_a_new_logstore_does_not_inherit_an_index(client: LogClient, store: Store) -> None:
    """Deleted is deleted, the searchable logs too."""
    store.index(a="text")
    store.put({"a": "old"})
    store.wait_for(1)
    client.delete_logstore(store.project, store.name)
    client.create_logstore(store.project, store.name)
    store.index(a="text")
    assert store.get() == []


def test_a_list_comes_in_pages(client: LogClient, store: Store) -> None:
    """Sorted by name, count of the page, total of all that match."""
    for name in ("b-one", "b-two", "c-one"):
        client.create_logstore(store.project, name)
    found = client.list_logstore(store.project, "one", offset=1, size=1)
    assert (found.get_logstores(), found.get_count(), found.get_total()) == (["c-one"], 1, 2)


@pytest.mark.parametrize(
    "options",
    [{"ttl": 0}, {"ttl": 3651}, {"shard_count": 0}, {"shard_count": 101}, {"max_split_shard": 1000}],
)
def test_a_value_out_of_range_is_refused(client: LogClient, project: str, options: dict[str, int]) -> None:
    """LogStoreInfoInvalid."""
    assert refusal(lambda: client.create_logstore(project, "events", **options)) == (
        400,
        "LogStoreInfoInvalid",
    )


def test_a_bad_name_is_refused(client: LogClient, project: str) -> None:
    """LogStoreInfoInvalid."""
    assert refusal(lambda: client.create_logstore(project, "Events")) == (400, "LogStoreInfoInvalid")


def test_metric_stores_are_refused_loudly(client: LogClient, project: str) -> None:
    """What is not emulated says so instead of pretending."""
    assert refusal(lambda: client.create_metric_store(project, "metrics")) == (400, "ParameterInvalid")


def test_an_index_is_shown_as_it_was_created(client: LogClient, store: Store) -> None:
    """GetIndex answers the configuration, and when it was changed."""
    store.index(name="text", code="long")
    shown = client.get_index_config(store.project, store.name).get_index_config()
    assert {key: config.index_type for key, config in shown.key_config_list.items()} == {
        "name": "text",
        "code": "long",
    }
    assert shown.modify_time > 0


def test_an_index_is_created_once(store: Store) -> None:
    """400 IndexAlreadyExist."""
    store.index(name="text")
    assert refusal(lambda: store.index(name="text")) == (400, "IndexAlreadyExist")


def test_an_index_can_be_changed_and_deleted(client: LogClient, store: Store) -> None:
    """After DeleteIndex there is none to get, to change or to delete."""
    store.index(name="text")
    client.update_index(store.project, store.name, IndexConfig(line_config=IndexLineConfig([","])))
    assert client.get_index_config(store.project, store.name).get_index_config().key_config_list == {}
    client.delete_index(store.project, store.name)
    where = (store.project, store.name)
    assert refusal(lambda: client.get_index_config(*where)) == (400, "IndexConfigNotExist")
    assert refusal(lambda: client.delete_index(*where)) == (400, "IndexConfigNotExist")


def test_a_faulty_index_is_refused(client: LogClient, store: Store) -> None:
    """IndexInfoInvalid, and nothing has changed."""
    assert refusal(lambda: client.create_index(store.project, store.name, IndexConfig())) == (
        400,
        "IndexInfoInvalid",
    )
    assert refusal(lambda: client.get_index_config(store.project, store.name)) == (400, "IndexConfigNotExist")
