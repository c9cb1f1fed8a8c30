"""GetLogs and GetHistograms by time, topic and page, from several threads, within their time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sink.local.sls.errors import SlsError
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.search.queries import Bucket, LogQuery
from tests.local.sls.search.conftest import INDEX, log


def filled(engine: SearchEngine, *logs: StoredLog) -> SearchEngine:
    engine.define(1, IndexConfig.from_json(INDEX))
    engine.append(1, logs, 1)
    return engine


def times(engine: SearchEngine, query: LogQuery) -> list[str]:
    return [row["__time__"] for row in engine.get_logs(1, query).rows]


def test_a_range_has_its_beginning_and_not_its_end(engine: SearchEngine) -> None:
    """[from, to) [doc GetLogs]."""
    filled(engine, log(9), log(10), log(19), log(20))
    assert times(engine, LogQuery(10, 20)) == ["10", "19"]


def test_nanoseconds_narrow_a_range(engine: SearchEngine) -> None:
    """fromNs and toNs count within their second."""
    filled(engine, *(StoredLog(10, (), time_ns=ns) for ns in (100, 200, 300)))
    rows = engine.get_logs(1, LogQuery(10, 10, from_ns=200, to_ns=300)).rows
    assert [row["__time_ns_part__"] for row in rows] == ["200"]


@pytest.mark.parametrize(("from_", "to"), [(20, 20), (21, 20)])
def test_an_empty_range_is_refused(engine: SearchEngine, from_: int, to: int) -> None:
    """400 InvalidTimeRange [doc GetLogs], for logs and histograms alike."""
    filled(engine)
    for ask in (lambda: engine.get_logs(1, LogQuery(from_, to)), lambda: engine.histogram(1, from_, to)):
        with pytest.raises(SlsError) as refused:
            ask()
        assert (refused.value.status, refused.value.code) == (400, "InvalidTimeRange")


def test_without_an_index_nothing_is_searched(engine: SearchEngine) -> None:
    """400 IndexConfigNotExist, before the first index and after the last."""
    for _ in range(2):
        with pytest.raises(SlsError) as refused:
            engine.get_logs(1, LogQuery(0, 10))
        assert (refused.value.status, refused.value.code) == (400, "IndexConfigNotExist")
        filled(engine).define(1, None)


def test_logs_come_in_the_order_of_time(engine: SearchEngine) -> None:
    """Oldest first, or newest first with `reverse`; of one second by nanosecond, then as they came."""
    filled(
        engine,
        log(30, name="c"),
        StoredLog(20, (("name", "b"),), time_ns=5),
        log(20, name="a"),
        log(30, name="d"),
    )
    rows = [engine.get_logs(1, LogQuery(0, 100, reverse=reverse)).rows for reverse in (False, True)]
    assert ["".join(row["name"] for row in page) for page in rows] == ["abcd", "dcba"]


def test_a_page_has_100_logs_unless_it_asks_for_less(engine: SearchEngine) -> None:
    """Never more [doc GetLogs]; `offset` skips."""
    filled(engine, *(log(second) for second in range(1, 131)))
    lengths = [len(times(engine, LogQuery(0, 1000, line=line))) for line in (0, 7, 100, 500)]
    assert (lengths, times(engine, LogQuery(0, 1000, line=2, offset=128))) == (
        [0, 7, 100, 100],
        ["129", "130"],
    )


def test_a_topic_narrows_a_query(engine: SearchEngine) -> None:
    """The parameter `topic` is exact; an empty one is none."""
    filled(engine, StoredLog(10, (), topic="event"), StoredLog(11, (), topic="action"))
    assert [times(engine, LogQuery(0, 100, topic=topic)) for topic in ("event", "", None)] == [
        ["10"],
        ["10", "11"],
        ["10", "11"],
    ]


def test_an_answer_tells_about_its_query(engine: SearchEngine) -> None:
    """whereQuery, terms, and the logs looked at: all of the time range."""
    filled(engine, log(name="a"), log(name="b"), log(5000, name="a"))
    answer = engine.get_logs(1, LogQuery(0, 1000, 'name:a or "b"'))
    assert (answer.has_sql, answer.where_query, answer.agg_query, answer.terms, answer.processed_rows) == (
        False,
        'name:a or "b"',
        "",
        [("name", "a"), ("", "b")],
        2,
    )


def test_an_answer_tells_about_its_sql(engine: SearchEngine) -> None:
    """aggQuery, keys in the order of the columns, their types, the limit in force, the logs found."""
    filled(engine, log(name="a", count="1"), log(name="a", count="2"), log(name="b"))
    answer = engine.get_logs(1, LogQuery(0, 1000, "name:a | select sum(count) as total, name group by name"))
    assert (answer.rows, answer.keys, answer.column_types) == (
        [{"total": "3", "name": "a"}],
        ["total", "name"],
        ["bigint", "varchar"],
    )
    assert (answer.has_sql, answer.agg_query, answer.limited, answer.processed_rows) == (
        True,
        "select sum(count) as total, name group by name",
        100,
        2,
    )


def test_a_histogram_counts_by_time(engine: SearchEngine) -> None:
    """Of a query with SQL the search part counts."""
    filled(engine, log(10, name="a"), log(11, name="a"), log(11, name="b"))
    expected = [Bucket(10, 11, 1), Bucket(11, 12, 1)]
    assert [engine.histogram(1, 10, 12, query) for query in ("name:a", "name:a | select 1")] == [expected] * 2


def test_readers_and_a_writer_do_not_disturb_each_other(engine: SearchEngine) -> None:
    """Every read sees whole batches, while batches are written and keys are added."""
    filled(engine)

    def write() -> None:
        for position in range(1, 40):
            engine.append(1, [log(name=f"n{position}")] * 5, position)
            if position % 10 == 0:
                keys = {**INDEX["keys"], f"key{position}": {"type": "long"}}
                engine.define(1, IndexConfig.from_json({**INDEX, "keys": keys}))

    def read() -> list[int]:
        return [
            int(engine.get_logs(1, LogQuery(0, 1000, "* | select count(*) as c")).rows[0]["c"])
            for _ in range(20)
        ]

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        pool.submit(write).result()
        counts = [count for reader in readers for count in reader.result()]
    assert ({count % 5 for count in counts}, engine.position(1)) == ({0}, 39)


def test_a_query_that_takes_too_long_is_cancelled(tmp_path: Path) -> None:
    """After 55 seconds on the service, and in good order: the next query runs."""
    with SearchEngine(tmp_path / "logs.duckdb", timeout_seconds=0.2) as engine:
        filled(engine, log())
        numbers = "unnest(sequence(1, 100000))"
        slow = f"* | select count(*) from {numbers} a(x), {numbers} b(y) where x * y % 7 = 3"
        with pytest.raises(SlsError) as refused:
            engine.get_logs(1, LogQuery(0, 1000, slow))
        assert (refused.value.code, refused.value.message) == (
            "ParameterInvalid",
            "Query exceeded maximum time limit of 0.2s; narrow its time range",
        )
        assert len(engine.get_logs(1, LogQuery(0, 1000)).rows) == 1


@pytest.mark.parametrize("query", ["\ud800", "* | select '\udfff'"])
def test_half_a_character_is_refused(engine: SearchEngine, query: str) -> None:
    """JSON can bring a lone surrogate."""
    filled(engine)
    for ask in (
        lambda: engine.get_logs(1, LogQuery(0, 10, query)),
        lambda: engine.histogram(1, 0, 10, query),
    ):
        with pytest.raises(SlsError, match="not valid UTF-8"):
            ask()


@given(st.text(max_size=12) | st.text('ab ]^-\\.$()[]{}|*?"#:<>=', max_size=12))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_searched_or_refused(shared: SearchEngine, query: str) -> None:
    """Whatever is typed, no fault but SlsError comes out."""
    shared.define(1, IndexConfig.from_json(INDEX))
    with suppress(SlsError):
        shared.get_logs(1, LogQuery(0, 1000, query))
