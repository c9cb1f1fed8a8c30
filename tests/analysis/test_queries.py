"""The saved queries on the embedded cloud, against the frames, row by row."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sink.analysis.frames import FrameError
from sink.analysis.lives import lifetimes
from sink.analysis.loading import load_events
from sink.analysis.queries import intervals_query, lifetimes_query, query_intervals, query_lifetimes
from sink.analysis.stays import intervals
from sink.credentials import LOCAL_KEYS
from sink.events import Record
from sink.stores.sls import Answer, SlsLogstore
from tests.analysis import streams
from tests.local.conftest import running_cloud
from tests.processes import make_logstore, put_records

PATIENCE_SECONDS = 20
STREAMS = ["clean", "duplicated", "shuffled", "lossy", "random1", "random2", "random3", "empty"]


@contextmanager
def logstore(folder: Path, records: Sequence[streams.Record]) -> Iterator[SlsLogstore]:
    """A logstore of the embedded cloud that holds the records, searchable."""
    with running_cloud(folder / "cloud") as cloud:
        store = SlsLogstore(cloud.url, "ecs-event-sink", "ecs-events", LOCAL_KEYS, region="cn-hangzhou")
        try:
            make_logstore(cloud.url)
            logs = [Record.of("event", int(found["event_time_ms"]) // 1000, found) for found in records]
            for first in range(0, len(logs), 1000):
                put_records(cloud.url, logs[first : first + 1000])
            wait_until_searchable(store, len(logs))
            yield store
        finally:
            store.close()


def wait_until_searchable(store: SlsLogstore, count: int) -> None:
    """What is stored becomes searchable a moment later."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = store.query("* | SELECT count(*) AS n FROM log", 0, 2**31 - 1)
        if int(answer.rows[0]["n"]) >= count:
            return
        assert time.monotonic() < give_up_at, answer.rows
        time.sleep(0.05)


def records_of(kind: str) -> tuple[Sequence[streams.Record], int]:
    return ([], streams.at(0)) if kind == "empty" else streams.fleet_records(kind)


def rows(frame: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """A frame with texts for categories, whose order of categories is no matter here."""
    texts = frame.select_dtypes("category").columns
    plain = frame.astype(dict.fromkeys(texts, "object"))
    plain[texts] = plain[texts].where(plain[texts].notna(), None)
    return plain.sort_values(order, ignore_index=True)


@pytest.mark.parametrize("kind", STREAMS)
def test_the_saved_queries_give_the_rows_of_the_frames(kind: str, tmp_path: Path) -> None:
    """SQL and pandas are two implementations of one algorithm."""
    records, as_of = records_of(kind)
    events = load_events(records).events
    with logstore(tmp_path, records) as store:
        by_sql, stays_by_sql = query_lifetimes(store, as_of), query_intervals(store, as_of)
    key = ["region_id", "instance_id"]
    assert_frame_equal(rows(by_sql, key), rows(lifetimes(events, as_of), key))
    assert_frame_equal(rows(stays_by_sql, [*key, "stay"]), rows(intervals(events, as_of), [*key, "stay"]))


def test_a_logstore_loads_as_its_records_do(tmp_path: Path) -> None:
    """From SLS or from a file: the same frame."""
    records, _ = streams.fleet_records("lossy")
    with logstore(tmp_path, records) as store:
        loaded = load_events(store)
    assert_frame_equal(loaded.events, load_events(records).events)


class Cut:
    """A logstore that never reads all."""

    def query(self, text: str, start: int, end: int, limit: int = 100) -> Answer:
        return Answer(rows=[], columns=[], complete=False, processed_rows=0, milliseconds=0)


def test_an_incomplete_answer_is_no_report() -> None:
    """SLS marks what it did not read to the end; half the lives look just like all of them."""
    with pytest.raises(FrameError, match="says there are more"):
        query_lifetimes(Cut(), streams.at(0))


@pytest.mark.parametrize("query", [lifetimes_query, intervals_query])
def test_the_queries_ask_for_more_than_a_hundred_rows(query: object) -> None:
    """SLS gives a hundred rows without LIMIT, and takes no LIMIT y,x in subqueries."""
    text = lifetimes_query(1) if query is lifetimes_query else intervals_query(1)
    assert text.count("LIMIT") == 1
    assert text.rstrip().endswith("LIMIT 1000000")


def test_the_queries_never_order_by_log_time() -> None:
    """Log time is in seconds, and moved for what comes late."""
    assert "__time__" not in lifetimes_query(1) + intervals_query(1)
