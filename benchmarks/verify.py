"""Prove that every rival does the whole work: on the embedded cloud, where signatures and records count.

The canned server believes everything and counts only. Here each rival gets a cloud of its own with some
hundred events in its queue, of every kind, and afterwards the shards are read back: each event's body must
stand there once, byte for byte, and the queue must be empty. `throughput.py --verify` calls it for all of
them, and so does the test of the benchmarks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aliyun.log import LogClient
from mns.queue import Message, Queue, QueueMeta

from benchmarks.answers import BATCH
from benchmarks.clients import open_log_client, open_queue
from benchmarks.measure import KEYS, BenchmarkError, rival_process
from benchmarks.place import LOGSTORE, PROJECT
from benchmarks.rivals import Rival
from sink.local.embedded import attach

_PATIENCE_SECONDS = 120
_VISIBILITY_SECONDS = 30
_LATEST_SECONDS = 86_400
"""How far a cloud's clock may be ahead of this machine's."""
_TTL_DAYS = 30


def verify(rival: Rival, bodies: Sequence[bytes]) -> None:
    """Let a rival store these events. Raises BenchmarkError unless each is stored once."""
    with furnished_cloud() as url, open_queue(url, *KEYS.values()) as queue:
        for at in range(0, len(bodies), BATCH):
            queue.batch_send_message([Message(body.decode()) for body in bodies[at : at + BATCH]])
        _work(rival, url)
        left = waiting(queue)
        with open_log_client(url, *KEYS.values()) as client:
            stored = Counter(record["body"] for record in stored_records(client))
    expected = Counter(body.decode() for body in bodies)
    missing, excess = expected - stored, stored - expected
    if missing or excess or left:
        raise BenchmarkError(
            f"{rival.name} left {left} messages, {missing.total()} of {len(bodies)} events are missing and "
            f"{excess.total()} too many"
        )


@contextmanager
def furnished_cloud() -> Iterator[str]:
    """An embedded cloud with queue and logstore, in a folder that is gone afterwards."""
    with TemporaryDirectory() as folder, attach(Path(folder)) as cloud:
        with open_queue(cloud.url, *KEYS.values()) as queue:
            queue.create(QueueMeta(vis_timeout=_VISIBILITY_SECONDS, max_msg_size=65_536))
        with open_log_client(cloud.url, *KEYS.values()) as client:
            client.create_project(PROJECT, "benchmark")
            client.create_logstore(PROJECT, LOGSTORE, ttl=_TTL_DAYS)
        yield cloud.url


def waiting(queue: Queue) -> int:
    """Messages in the queue, visible and hidden."""
    meta = queue.get_attributes()
    return int(meta.active_messages) + int(meta.inactive_messages)


def stored_records(client: LogClient) -> Iterator[dict[str, str]]:
    """All records, read from the shards: no index has to catch up first."""
    until = int(time.time()) + _LATEST_SECONDS
    for shard in client.list_shards(PROJECT, LOGSTORE).get_shards_info():
        for answer in client.pull_log(PROJECT, LOGSTORE, shard["shardID"], 0, until):
            yield from answer.get_flatten_logs_json()


def _work(rival: Rival, url: str) -> None:
    with rival_process(rival, url) as process:
        said, _ = process.communicate("go\n", timeout=_PATIENCE_SECONDS)
    if process.returncode:
        raise BenchmarkError(f"{rival.name} ended with {process.returncode}:\n{said}")
