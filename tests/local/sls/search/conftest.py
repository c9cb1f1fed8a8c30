"""A search engine with an index of every kind, and short ways to fill it and to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sink.local.sls.errors import SlsError
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.search.queries import LogQuery

DELIMITERS = list(", '\";=()[]{}?@&<>/:\n\t\r")
EVER = 2**31
NOW = 1494985275.0
"""2017-05-17 09:41:15 in UTC+8."""


def text(**more: Any) -> dict[str, Any]:
    """The index of a text key."""
    return {"type": "text", "token": DELIMITERS, "doc_value": True, **more}


INDEX: dict[str, Any] = {
    "line": {"token": DELIMITERS, "caseSensitive": False},
    "keys": {
        "name": text(alias="event_name"),
        "path": text(caseSensitive=True),
        "note": text(chn=True),
        "whole": {"type": "text", "token": [], "doc_value": True},
        "secret": text(doc_value=False),
        "count": {"type": "long", "doc_value": True},
        "cost": {"type": "double", "doc_value": True},
        "content": {
            "type": "json",
            "token": DELIMITERS,
            "doc_value": True,
            "index_all": True,
            "max_depth": 2,
            "json_keys": {
                "state": {"type": "text", "doc_value": True},
                "disk.size": {"type": "long", "doc_value": True, "alias": "disk_size"},
            },
        },
    },
}


def log(time: int = 100, **contents: str) -> StoredLog:
    """A log with these fields."""
    return StoredLog(time, tuple(contents.items()))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SearchEngine]:
    """An empty engine, whose clock stands at NOW."""
    with SearchEngine(tmp_path / "logs.duckdb", clock=lambda: NOW) as engine:
        yield engine


Ask = Callable[..., list[dict[str, str]]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    """An engine for the tests of a module that only read, or use a logstore each."""
    with SearchEngine(tmp_path_factory.mktemp("search") / "logs.duckdb", clock=lambda: NOW) as engine:
        yield engine


@pytest.fixture
def found(shared: SearchEngine) -> Iterator[Callable[..., list[int]]]:
    """`found(query, log, …)`: which of the logs, by place, a search finds under INDEX."""

    def ask(query: str, *logs: StoredLog, index: Mapping[str, Any] = INDEX) -> list[int]:
        numbered = [_numbered(place, log) for place, log in enumerate(logs)]
        _fill(shared, numbered, index)
        rows = shared.get_logs(1, LogQuery(0, EVER, query)).rows
        return [int(row["__source__"]) for row in rows]

    yield ask
    shared.drop(1)


@pytest.fixture
def select(shared: SearchEngine) -> Iterator[Ask]:
    """`select(sql, log, …)`: the rows of `* | sql` over the logs, one empty log if none is given."""

    def ask(sql: str, *logs: StoredLog, index: Mapping[str, Any] = INDEX) -> list[dict[str, str]]:
        _fill(shared, logs or [log()], index)
        return shared.get_logs(1, LogQuery(0, EVER, f"* | {sql}")).rows

    yield ask
    shared.drop(1)


@pytest.fixture
def refusal(shared: SearchEngine) -> Iterator[Callable[..., str]]:
    """`refusal(query)`: the text of the 400 ParameterInvalid with which the query is refused."""

    def ask(query: str, *logs: StoredLog, index: Mapping[str, Any] = INDEX) -> str:
        _fill(shared, logs, index)
        with pytest.raises(SlsError) as refused:
            shared.get_logs(1, LogQuery(0, EVER, query))
        assert (refused.value.status, refused.value.code) == (400, "ParameterInvalid")
        return refused.value.message

    yield ask
    shared.drop(1)


def _fill(engine: SearchEngine, logs: Sequence[StoredLog], index: Mapping[str, Any]) -> None:
    engine.drop(1)
    engine.define(1, IndexConfig.from_json(index))
    engine.append(1, logs, 1)


def _numbered(place: int, log: StoredLog) -> StoredLog:
    return StoredLog(log.time, log.contents, log.time_ns, log.topic, str(place), log.tags)
