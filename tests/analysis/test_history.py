"""A source becomes frames of one moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from sink.analysis.frames import FrameError
from sink.analysis.generator import sample
from sink.analysis.history import History, read

FLEET = sample()
NOW = FLEET.as_of


def _records() -> list[dict[str, str]]:
    topics = {"event": FLEET.records, "inventory": FLEET.inventory_records, "action": FLEET.action_records}
    return [{"__topic__": topic, **record} for topic, found in topics.items() for record in found]


@pytest.fixture(scope="module")
def history() -> History:
    """The sample, as of its last event."""
    return read(_records(), "here", now_ms=NOW)


def test_all_topics_of_a_source_are_read(history: History) -> None:
    """Events, snapshots and actions of one logstore."""
    assert len(history.actions) == len(FLEET.action_records)
    assert len(history.inventory) == len(FLEET.inventory_records)
    assert len(history.life) == 80


def test_as_of_is_the_last_moment_known(history: History) -> None:
    """The end of the data, not the moment of looking."""
    moments = [*history.events["event_time_ms"], *history.inventory["observed_at_ms"]]
    assert history.as_of_ms == max(moments) <= NOW


def test_an_event_of_a_clock_that_runs_ahead_does_not_carry_the_record_into_the_future() -> None:
    """Else every open life would run on for seventy years; it is counted as later instead."""
    ahead = {**FLEET.records[0], "event_id": "ahead", "event_time_ms": str(NOW * 2)}
    history = read([*_records(), {"__topic__": "event", **ahead}], "here", now_ms=NOW)
    quality = history.quality.set_index("measure")["value"]
    assert history.as_of_ms == NOW
    assert quality["later"] == 1
    assert quality["running_hours"] < 2000


def test_as_of_can_be_given() -> None:
    """What was known at noon of the second day."""
    noon = NOW - 36 * 3_600_000
    history = read(_records(), "here", now_ms=NOW, as_of_ms=noon)
    assert history.as_of_ms == noon
    assert history.life["end_ms"].max() <= noon


def test_until_ends_the_record() -> None:
    """Nobody knows what came after."""
    until = NOW - 36 * 3_600_000
    assert read(_records(), "here", now_ms=NOW, until_ms=until).as_of_ms < until


def test_notices_have_the_zone_that_the_inventory_knows(history: History) -> None:
    """No event names a zone."""
    assert set(history.notices["zone_id"]) == {"cn-beijing-h", "cn-beijing-k"}


def test_nothing_is_a_history_without_lives() -> None:
    """As of now, over a window that is not empty."""
    history = read([], "nothing", now_ms=5)
    assert (history.as_of_ms, history.window, len(history.life)) == (5, (5, 6), 0)


def test_a_table_of_events_alone_has_no_inventory(tmp_path: Path) -> None:
    """A CSV export of one topic: the columns of others are absent, which is no error."""
    table = tmp_path / "events.csv"
    table.write_text(
        "event_key,instance_id,event_time_ms,kind,state\nk,i-1,5,Instance:StateChange,Running\n",
        encoding="utf-8",
    )
    history = read(str(table), "a table", now_ms=10)
    assert (len(history.life), len(history.inventory), len(history.actions)) == (1, 0, 0)


def test_a_missing_file_is_an_error() -> None:
    """With its name."""
    with pytest.raises(FrameError, match=r"no file nowhere\.jsonl"):
        read("nowhere.jsonl", "nowhere", now_ms=5)


def test_a_table_without_a_needed_column_names_it(tmp_path: Path) -> None:
    """Never a history of nothing."""
    table = tmp_path / "events.csv"
    table.write_text("instance_id,state\ni-1,Running\n", encoding="utf-8")
    with pytest.raises(FrameError, match="no column 'event_time_ms'"):
        read(str(table), "a table", now_ms=10)
