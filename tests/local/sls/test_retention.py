"""Logs vanish when they have outlived their logstore's ttl."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from aliyun.log import GetHistogramsRequest, LogClient

from tests.local.conftest import Watch, running_cloud
from tests.local.sls.conftest import Store

DAY = 86_400


@pytest.fixture
def aged(
    tmp_path: Path, log_client: Callable[..., LogClient], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Store, Watch]]:
    """A logstore of one shard that keeps logs for one day, with a log in it, and the clock of all."""
    with running_cloud(tmp_path, index_latency_seconds=0.0) as cloud:
        signing = SimpleNamespace(utcnow=lambda: datetime.fromtimestamp(cloud.clock(), UTC))
        monkeypatch.setattr("aliyun.log.auth.datetime", signing)
        store = Store(log_client(cloud.url), "my-project")
        store.client.create_project(store.project, "")
        store.client.create_logstore(store.project, store.name, ttl=1, shard_count=1)
        store.index(n="text")
        store.put({"n": "old"})
        store.wait_for(1)
        yield store, cloud.clock


def _searched(store: Store, clock: Watch) -> int:
    now = int(clock())
    request = GetHistogramsRequest(store.project, store.name, now - 3 * DAY, now, "", "*")
    return int(store.client.get_histograms(request).get_total_count())


def test_a_log_within_its_ttl_is_there(aged: tuple[Store, Watch]) -> None:
    """To be searched and to be pulled."""
    store, clock = aged
    clock.forward(DAY - 100)
    assert (_searched(store, clock), len(store.pull())) == (1, 1)


def test_a_log_beyond_its_ttl_is_gone(aged: tuple[Store, Watch]) -> None:
    """From both, and the begin cursor has moved on to the end."""
    store, clock = aged
    clock.forward(DAY + 100)
    assert (_searched(store, clock), store.pull()) == (0, [])
    begin, end = (store.client.get_cursor(store.project, store.name, 0, at) for at in ("begin", "end"))
    assert begin.get_cursor() == end.get_cursor()


def test_new_logs_outlive_old_ones(aged: tuple[Store, Watch]) -> None:
    """What comes after an expiry is kept, searchable, and numbered on."""
    store, clock = aged
    end = store.client.get_end_cursor(store.project, store.name, 0).get_cursor()
    clock.forward(DAY + 100)
    store.put({"n": "new"}, at=int(clock()) - 1)
    assert [log["n"] for log in store.pull()] == ["new"]
    assert store.client.get_begin_cursor(store.project, store.name, 0).get_cursor() == end


def test_a_longer_ttl_keeps_logs(aged: tuple[Store, Watch]) -> None:
    """3650 days mean for ever."""
    store, clock = aged
    store.client.update_logstore(store.project, store.name, ttl=3650)
    clock.forward(5000 * DAY)
    assert len(store.pull()) == 1
