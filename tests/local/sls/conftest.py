"""An SLS for tests: one cloud per module, a project and a logstore per test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from aliyun.log import (
    IndexConfig,
    IndexKeyConfig,
    IndexLineConfig,
    LogClient,
    LogException,
    LogItem,
    PutLogsRequest,
)

from tests.local.conftest import RunningCloud, running_cloud

TOKENS = list(", '\";=()[]{}?@&<>/:\n\t\r")


@dataclass(frozen=True)
class Store:
    """A logstore of a test's own, with two shards and no index."""

    client: LogClient
    project: str
    name: str = "events"

    def put(
        self, *logs: dict[str, str], at: int | None = None, topic: str = "", hash_key: str | None = None
    ) -> None:
        """Put logs in one group."""
        seconds = int(time.time()) if at is None else at
        items = [LogItem(seconds, time_nano_part=1, contents=list(log.items())) for log in logs]
        self.client.put_logs(
            PutLogsRequest(self.project, self.name, topic, "10.0.0.1", items, hashKey=hash_key)
        )

    def index(self, **keys: str) -> None:
        """Create an index over the full text and over keys with their types."""
        configs = {
            key: IndexKeyConfig(TOKENS if kind == "text" else None, index_type=kind, doc_value=True)
            for key, kind in keys.items()
        }
        line = IndexLineConfig(TOKENS)
        self.client.create_index(
            self.project, self.name, IndexConfig(line_config=line, key_config_list=configs)
        )

    def get(self, query: str = "*", **options: object) -> list[dict[str, str]]:
        """Query the last hour."""
        now = int(time.time())
        found = self.client.get_log(self.project, self.name, now - 3600, now + 600, query=query, **options)
        return [log.get_contents() for log in found.get_logs()]

    def wait_for(self, count: int, query: str = "*") -> list[dict[str, str]]:
        """Query until the index has caught up with `count` logs."""
        deadline = time.monotonic() + 10
        while len(found := self.get(query)) < count and time.monotonic() < deadline:
            pass
        return found

    def pull(self, shard: int = 0, **options: object) -> list[dict[str, str]]:
        """Pull a shard from its beginning."""
        cursor = self.client.get_begin_cursor(self.project, self.name, shard).get_cursor()
        pulled = self.client.pull_logs(self.project, self.name, shard, cursor, **options)
        return list(pulled.get_flatten_logs_json())


@pytest.fixture(scope="module")
def sls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud for all tests of a module, with as little index latency as can be."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), index_latency_seconds=0.0) as running:
        yield running


@pytest.fixture
def client(sls: RunningCloud, log_client: Callable[..., LogClient]) -> LogClient:
    """The official client with the owner's key."""
    return log_client(sls.url, source="10.0.0.1")


@pytest.fixture
def project(client: LogClient) -> str:
    """A project of the test's own."""
    name = f"p-{uuid4().hex[:20]}"
    client.create_project(name, "a project")
    return name


@pytest.fixture
def store(client: LogClient, project: str) -> Store:
    """A logstore of the test's own."""
    client.create_logstore(project, "events", ttl=30, shard_count=2)
    return Store(client, project)


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    """The status and code with which a call is refused."""
    with pytest.raises(LogException) as refused:
        call()
    return refused.value.get_resp_status(), refused.value.get_error_code()
