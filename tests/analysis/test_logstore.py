"""Taking all records out of a logstore that gives only so many at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from sink.analysis.frames import FrameError
from sink.analysis.loading import load_events
from sink.analysis.logstore import fetch_records
from tests.analysis.streams import at, record


@dataclass
class Answer:
    rows: Sequence[Mapping[str, str]]
    complete: bool = True


@dataclass
class Stingy:
    """A logstore that reads at most so many logs a query, and gives at most LIMIT rows."""

    records: Sequence[Mapping[str, str]]
    reads: int = 1000
    spans: list[tuple[int, int]] = field(default_factory=list)

    def query(self, text: str, start: int, end: int, limit: int = 100) -> Answer:
        self.spans.append((start, end))
        matched = re.search(r"LIMIT (\d+)", text)
        assert matched
        found = [log for log in self.records if start <= int(log["event_time_ms"]) // 1000 < end]
        topic = [] if "__topic__: quarantine" in text else found
        return Answer(topic[: min(int(matched[1]), self.reads)], complete=len(found) <= self.reads)


def fetched(logstore: Stingy, most: int = 1000) -> int:
    return len(list(fetch_records(logstore, "event", ["event_key"], (at(0), at(1000)), most)))


RECORDS = [record("Running", second, f"i-{second}") for second in range(100)]


def test_an_answer_that_was_cut_is_asked_for_in_halves() -> None:
    """Until every part is whole: no record is missing and none comes twice."""
    assert fetched(Stingy(RECORDS, reads=7)) == 100
    assert fetched(Stingy(RECORDS), most=7) == 100


def test_an_answer_in_full_is_asked_for_once() -> None:
    """No needless query."""
    logstore = Stingy(RECORDS)
    assert (fetched(logstore), len(logstore.spans)) == (100, 1)


def test_a_second_that_is_cut_is_an_error() -> None:
    """A report on part of the events would look like one on all."""
    crowd = [record("Running", 5, f"i-{n}") for n in range(50)]
    with pytest.raises(FrameError, match=r"says there are more\. Load an export"):
        fetched(Stingy(crowd, reads=10))


def test_what_comes_late_is_looked_for_beyond_the_span() -> None:
    """SLS moves log times older than a week: the query is wider, and the events are cut by their own time."""
    logstore = Stingy(RECORDS)
    assert len(load_events(logstore, since=at(10), until=at(20)).events) == 10
    assert logstore.spans[0] == (at(10) // 1000, at(20) // 1000 + 7 * 86_400)


def test_a_null_of_sql_is_a_field_that_is_absent() -> None:
    """SLS answers in texts."""
    logstore = Stingy([record("Running", 0, zone_id="null")])
    assert "zone_id" not in next(fetch_records(logstore, "event", ["zone_id"], (None, None)))
