"""The benchmarks work: run in seconds, they say what can be said without a quiet machine."""

from __future__ import annotations

import hashlib
import pstats
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import comparison, embedded, throughput
from benchmarks.profiled import Profiles
from benchmarks.results import Results, Row
from benchmarks.rivals import REFERENCE, RIVALS
from benchmarks.searching import FILL, QUERIES
from benchmarks.traffic import CLIENTS
from benchmarks.verify import verify


@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_stores_every_event(name: str, bodies: list[bytes]) -> None:
    """With signatures that count: what does less work than the sink would be no rival."""
    verify(RIVALS[name], bodies[:96])


@pytest.fixture(scope="module")
def compared() -> Results:
    """All rivals at two latencies, and some of them at another size."""
    options = throughput.read_options(["--quick", "--sizes", "320", "--processes", "1", "2"])
    return throughput.compare(options, Console(quiet=True))


def row(results: Results, name: str, latency_ms: float) -> Row:
    """One rival's row."""
    (found,) = (row for row in results.parts["latency"] if (row.subject, row.condition) == (name, latency_ms))
    return found


def test_the_table_has_every_rival_at_every_latency(compared: Results) -> None:
    """With a ratio each, of which the reference's is 1."""
    rows = compared.parts["latency"]

    assert {(row.subject, row.condition) for row in rows} == {
        (name, latency) for name in RIVALS for latency in (0, 5)
    }
    assert all(comparison.ratio(row, rows) for row in rows)
    assert {comparison.ratio(row, rows) for row in rows if row.subject == REFERENCE} == {1.0}


def test_the_tables_are_complete(compared: Results) -> None:
    """By latency, by size and by processes; no cell is empty but over the names."""
    tables = comparison.tables(compared)

    assert [table.title for table in tables] == [
        "no latency",
        "5 ms round trip",
        "growth with size, no latency",
        "the sink in several processes",
    ]
    assert [len(table.rows) for table in tables] == [len(RIVALS), len(RIVALS), len(throughput.GROWING), 2]
    assert all(cell for table in tables for cells in table.rows for cell in cells)
    assert all(len(cells) == len(table.columns) for table in tables for cells in table.rows)


def test_the_loop_asks_three_times_for_an_event(compared: Results) -> None:
    """Receive, store, delete."""
    assert row(compared, "loop", 0).median("requests_per_event") == 3


@pytest.mark.parametrize("latency_ms", [0, 5])
def test_the_sink_asks_less_than_once_for_three_events(compared: Results, latency_ms: float) -> None:
    """Batches of sixteen are received, stored and deleted together: requests are billed."""
    assert row(compared, "sink", latency_ms).median("requests_per_event") < 0.3


def test_every_run_has_every_figure(compared: Results) -> None:
    """None is nothing, and no process had more CPU than its one core."""
    for each in [*compared.parts["latency"], *compared.parts["growth"]]:
        for run in each.runs:
            assert all(value > 0 for value in run.values())
            assert run["cpu_share"] < 1.05


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later, cProfile cannot look at several threads")
def test_a_profile_tells_where_the_sinks_time_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """And how much slower the profiler made it."""
    throughput.main(["--profile", "--events", "64"])

    told = capsys.readouterr().out
    assert "64 events at" in told
    assert "Ordered by: internal time" in told


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later, cProfile cannot look at several threads")
def test_a_profile_sees_every_thread(tmp_path: Path) -> None:
    """What the SDKs do happens outside of the main one."""

    def digest() -> str:
        return hashlib.sha256(bytes(1000)).hexdigest()

    profiles = Profiles()
    threading.setprofile(profiles.begin)
    thread = threading.Thread(target=digest)
    thread.start()
    thread.join()
    threading.setprofile(None)

    profiles.save(str(tmp_path / "profile"))
    stats = pstats.Stats(str(tmp_path / "profile")).get_stats_profile()
    assert "digest" in stats.func_profiles


@pytest.fixture(scope="module")
def embedded_results() -> Results:
    """The embedded cloud, measured in seconds."""
    return embedded.measure(embedded.read_options(["--quick"]), Console(quiet=True))


def test_messages_go_through_the_embedded_queue_by_every_client(embedded_results: Results) -> None:
    """On one connection and on four."""
    found = {(row.subject, row.condition) for row in embedded_results.parts["messages"]}

    assert found == {(name, connections) for name in CLIENTS for connections in (1, 4)}


def test_every_query_is_asked_at_every_size(embedded_results: Results) -> None:
    """And finds what it must: a hidden empty answer would be quick."""
    asked = [row for row in embedded_results.parts["queries"] if row.subject != FILL]
    rows = {(row.subject, row.events): row.median("rows") for row in asked}

    assert set(rows) == {(name, size) for name in QUERIES for size in (1000, 3000)}
    assert {name for (name, _), count in rows.items() if count == 0} == {"a word that is nowhere"}


def test_the_tables_of_the_embedded_cloud_are_complete(embedded_results: Results) -> None:
    """Messages, logs, filling and queries; every cell has something."""
    tables = embedded.tables(embedded_results)

    assert [table.title for table in tables] == ["messages", "logs", "filling a logstore", "queries"]
    assert all(cell for table in tables for cells in table.rows for cell in cells)
    assert all(len(cells) == len(table.columns) for table in tables for cells in table.rows)
