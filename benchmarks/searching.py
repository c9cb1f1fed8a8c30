"""Logs into the embedded cloud's logstore, and queries over them: the second half of `embedded.py`.

Logs are written by hand-made requests, because the SDK's own work would be most of the time, and searched by
the official SDK. The records have the fields that are searched for, under the sink's index.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice

import orjson
from aliyun.log import IndexConfig, LogClient

from benchmarks.answers import BATCH
from benchmarks.clients import log_time, open_log_client
from benchmarks.measure import KEYS, BenchmarkError
from benchmarks.place import LOGSTORE, PROJECT
from benchmarks.results import Row
from benchmarks.rivals.engineer import fields
from benchmarks.rivals.handmade import Connection, Requests, content, field, log
from benchmarks.traffic import CONNECTIONS, together
from sink.stores.index import index_config

LARGE = 1000
"""Logs in a large PutLogs: some two megabytes."""
SECONDS_A_DAY = 86_400
FILL = "fill"
"""The subject of the rows that tell how fast the logstore was filled."""
_LEAST_INDEXED_PER_SECOND = 2_000
"""Fewer are no index at work."""
_QUERY_SECONDS = 120

QUERIES: Mapping[str, str] = {
    "one event by its id": "event_id:{event_id}",
    "one instance, 100 rows": "instance_id:{instance_id}",
    "a word that is nowhere": "nowheretobefound",
    "count by kind": "* | select kind, count(1) as n group by kind order by n desc",
    "stops by hour": "state:Stopped | select date_trunc('hour', __time__) as h, count(1) as n group by h",
}


def encoded(bodies: Iterable[bytes]) -> list[bytes]:
    """Each event as a Log with the engineer's fields."""
    return [_encoded(body, orjson.loads(body)) for body in bodies]


def puts(url: str, logs: Sequence[bytes], groups: int, runs: int) -> list[Row]:
    """So many PutLogs of sixteen logs and of a thousand, on one connection and on four."""
    return [
        Row(
            f"PutLogs of {size:,}",
            connections,
            groups * size,
            [
                put_all(url, [_group(logs, at * size, size) for at in range(groups)], connections)
                for _ in range(runs)
            ],
        )
        for size in (BATCH, LARGE)
        for connections in CONNECTIONS
    ]


def put_all(url: str, groups: Sequence[Sequence[bytes]], connections: int) -> dict[str, float]:
    """Put the groups, dealt out to the connections; requests and logs a second."""

    def work(mine: Sequence[Sequence[bytes]]) -> None:
        requests = Requests(url, *KEYS.values())
        with closing(Connection(url)) as connection:
            for group in mine:
                connection.ask(requests.put(list(group)))

    seconds = together([groups[at::connections] for at in range(connections)], work)
    logs = sum(map(len, groups))
    return {"requests_per_second": len(groups) / seconds, "logs_per_second": logs / seconds}


def queries(url: str, bodies: Sequence[bytes], sizes: Sequence[int], runs: int) -> Iterator[Row]:
    """Fill a logstore from size to size, and ask it everything at each: milliseconds, and rows found."""
    logs, known, filled = encoded(bodies), _known_ids(bodies), 0
    with open_log_client(url, *KEYS.values()) as client:
        client.timeout = _QUERY_SECONDS
        _create_index(client)
        for size in sorted(sizes):
            yield Row(FILL, 0, size, [_fill(url, client, logs, filled, size)])
            filled = size
            for name, query in QUERIES.items():
                yield Row(name, 0, size, [ask(client, query.format(**known)) for _ in range(runs)])


def ask(client: LogClient, query: str) -> dict[str, float]:
    """Ask once, over all the days there are."""
    now, began = int(time.time()), time.perf_counter()
    answer = client.get_log(
        PROJECT, LOGSTORE, now - 8 * SECONDS_A_DAY, now + SECONDS_A_DAY, query=query, size=100
    )
    milliseconds = 1000 * (time.perf_counter() - began)
    return {"milliseconds": milliseconds, "rows": len(answer.get_logs())}


def _fill(url: str, client: LogClient, logs: Sequence[bytes], filled: int, size: int) -> dict[str, float]:
    """Put logs until there are so many; logs a second, stored and then searchable."""
    groups = [_group(logs, at, min(LARGE, size - at)) for at in range(filled, size, LARGE)]
    began = time.perf_counter()
    rates = put_all(url, groups, CONNECTIONS[-1])
    _await_index(client, size)
    searchable = (size - filled) / (time.perf_counter() - began)
    return {"logs_per_second": rates["logs_per_second"], "searchable_per_second": searchable}


def _await_index(client: LogClient, size: int) -> None:
    """Ask until all is there, a tenth of the time at most: the index works on the same cores."""
    patience_seconds = size / _LEAST_INDEXED_PER_SECOND + 60
    give_up_at = time.monotonic() + patience_seconds
    while True:
        asked_at = time.monotonic()
        if (found := _count(client)) == size:
            return
        now = time.monotonic()
        if now > give_up_at:
            raise BenchmarkError(f"the index holds {found:,} of {size:,} logs after {patience_seconds:.0f} s")
        time.sleep(9 * (now - asked_at))


def _count(client: LogClient) -> int:
    now = int(time.time())
    answer = client.get_log(
        PROJECT, LOGSTORE, now - 8 * SECONDS_A_DAY, now + SECONDS_A_DAY, query="* | select count(1) as n"
    )
    return int(answer.get_logs()[0].get_contents()["n"])


def _create_index(client: LogClient) -> None:
    config = IndexConfig()
    config.from_json(index_config())
    client.create_index(PROJECT, LOGSTORE, config)


def _group(logs: Sequence[bytes], start: int, size: int) -> list[bytes]:
    """Some logs from this place on, and again from the first one behind the last."""
    at = start % len(logs)
    return [*islice(logs, at, at + size), *logs[: max(0, at + size - len(logs))]]


def _encoded(body: bytes, event: dict[str, object]) -> bytes:
    pairs = [*fields(event), ("content", orjson.dumps(event["content"]).decode()), ("body", body.decode())]
    return log(
        log_time(str(event["eventTime"])), [content(field(key), value.encode()) for key, value in pairs]
    )


def _known_ids(bodies: Sequence[bytes]) -> dict[str, str]:
    """An event's id and its instance's, for the queries: those of the first that is of an instance."""
    for body in bodies:
        found = dict(fields(orjson.loads(body)))
        if "instance_id" in found:
            return {"event_id": found["event_id"], "instance_id": found["instance_id"]}
    raise BenchmarkError("no event is of an instance")
