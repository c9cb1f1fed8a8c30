"""Logs and position are kept together, an index applies to what follows, and a kill -9 changes neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.search.queries import LogQuery
from tests.local.sls.search.conftest import INDEX, log, text


def config(**keys: dict[str, object]) -> IndexConfig:
    return IndexConfig.from_json({"keys": keys})


def names(engine: SearchEngine, query: str = "*", store_id: int = 1) -> list[str | None]:
    return [row.get("name") for row in engine.get_logs(store_id, LogQuery(0, 1000, query)).rows]


def test_an_index_applies_to_the_logs_that_follow(engine: SearchEngine) -> None:
    """A key that is added is found in new logs alone [doc Configure indexes]."""
    engine.define(1, config(name=text()))
    engine.append(1, [log(name="old", state="Running")], 1)
    engine.define(1, config(name=text(), state=text()))
    engine.append(1, [log(name="new", state="Running")], 2)
    assert (names(engine, "state:Running"), names(engine)) == (["new"], ["old", "new"])


def test_logs_without_an_index_are_never_found(engine: SearchEngine) -> None:
    """Not even when one is made later."""
    engine.append(1, [log(name="early")], 1)
    engine.define(1, config(name=text()))
    engine.append(1, [log(name="late")], 2)
    assert names(engine) == ["late"]


def test_a_key_may_change_its_type(engine: SearchEngine) -> None:
    """The number is found where it was indexed as one."""
    engine.define(1, config(name=text(), size=text()))
    engine.append(1, [log(name="as text", size="7")], 1)
    engine.define(1, config(name=text(), size={"type": "long"}))
    engine.append(1, [log(name="as number", size="7")], 2)
    assert names(engine, "size=7") == ["as number"]


def test_keys_may_differ_by_case_alone(engine: SearchEngine) -> None:
    """SLS's keys do; DuckDB's columns do not."""
    engine.define(1, config(name=text(), Name=text()))
    engine.append(1, [log(name="x", Name="y")], 1)
    assert (names(engine, "Name:y"), names(engine, "name:y")) == (["x"], [])


def test_the_position_is_that_of_the_last_append(engine: SearchEngine) -> None:
    """0 before the first; with an index or without; for each logstore its own."""
    before = engine.position(1)
    engine.append(1, [log()], 7)
    engine.define(2, config(name=text()))
    engine.append(2, [log()], 3)
    assert (before, engine.position(1), engine.position(2)) == (0, 7, 3)


def test_a_failed_append_leaves_logs_and_position(engine: SearchEngine) -> None:
    """Both or none: a value that the table cannot take undoes the whole batch."""
    engine.define(1, config(name=text()))
    engine.append(1, [log(name="kept")], 1)
    with pytest.raises(duckdb.Error):
        engine.append(1, [log(name="lost"), log(2**70, name="faulty")], 2)
    assert (names(engine), engine.position(1)) == (["kept"], 1)


def test_expired_logs_are_gone(engine: SearchEngine) -> None:
    """Those before the given second; a logstore that is not there has none."""
    engine.define(1, config(name=text()))
    engine.append(1, [log(10, name="a"), log(20, name="b")], 1)
    engine.expire(1, 20)
    engine.expire(99, 20)
    assert names(engine) == ["b"]


def test_a_dropped_logstore_begins_anew(engine: SearchEngine) -> None:
    """Its logs, index and position are gone, another's are not."""
    for store_id in (1, 2):
        engine.define(store_id, config(name=text()))
        engine.append(store_id, [log(name="old")], 5)
    engine.drop(1)
    engine.define(1, config(name=text()))
    assert (names(engine), engine.position(1), names(engine, store_id=2)) == ([], 0, ["old"])


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """Logs, index and position."""
    with SearchEngine(tmp_path / "logs.duckdb") as engine:
        engine.define(1, IndexConfig.from_json(INDEX))
        engine.append(1, [log(name="Disk:Stalled", count="3")], 4)
    with SearchEngine(tmp_path / "logs.duckdb") as engine:
        engine.append(1, [log(name="Disk:Stalled", count="5")], 5)
        assert (len(names(engine, "count>1")), engine.position(1)) == (2, 5)


WRITER = """
import sys
from pathlib import Path
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine

engine = SearchEngine(Path(sys.argv[1]))
engine.define(1, IndexConfig.from_json({"keys": {"n": {"type": "long"}}}))
for position in range(1, 1000):
    engine.append(1, [StoredLog(100, (("n", str(position)),))] * 3, position)
    print(position, flush=True)
"""


def test_a_kill_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    """After kill -9 in the middle of writing, logs and position agree, and nothing reported is missing."""
    path = tmp_path / "logs.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        reported = [int(next(writer.stdout)) for _ in range(20)]
        os.kill(writer.pid, signal.SIGKILL)
    with SearchEngine(path) as engine:
        position = engine.position(1)
        count = sum(bar.count for bar in engine.histogram(1, 0, 1000))
    assert (position >= reported[-1], count) == (True, 3 * position)
