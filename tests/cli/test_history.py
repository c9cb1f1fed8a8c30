"""Where the notebooks look: the configured logstore, a file, the sample."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sink.analysis.history import History
from sink.cli.history import moment_ms, nearest, read_history
from sink.cli.reaching import reach_cloud
from sink.cli.wiring import build_logstore
from sink.config import load_settings
from sink.errors import UsageError
from sink.events import Event, Receipt, Record, parse_body
from sink.stores.sls import SlsLogstore
from tests.processes import put_records
from tests.samples import state_change

NOWHERE = "nowhere.ini"
PATIENCE_SECONDS = 10


def _record(state: str, minutes_ago: int) -> Record:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    event = parse_body(state_change(state, eventTime=at.strftime("%Y%m%dT%H%M%S.000+0000")))
    assert isinstance(event, Event)
    return event.record(Receipt("ecs-events", int(time.time() * 1000), "sink-1"), "MID-1", 1)


def _wait_until_found(logstore: SlsLogstore, rows: int) -> None:
    """What is stored becomes searchable a moment later."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while len(logstore.query("*", 0, int(time.time()) + 900).rows) < rows:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


async def _as_a_notebook_reads(config: Path) -> History:
    """A kernel runs its cells within an event loop."""
    return read_history("", str(config))


def _store_and_read(config: Path, records: Sequence[Record]) -> float:
    """Put records into the configured logstore; gives the running hours that a notebook finds there."""
    settings = load_settings(config)
    with reach_cloud(settings) as cloud:
        put_records(cloud.sls, records)
        logstore = build_logstore(settings, cloud)
        try:
            _wait_until_found(logstore, len(records))
        finally:
            logstore.close()
        history = asyncio.run(_as_a_notebook_reads(config))
    assert history.origin == "logstore ecs-event-sink/ecs-events"
    return float(history.life["running_ms"].sum()) / 3_600_000


def test_without_a_source_the_configured_logstore_is_read(tmp_path: Path) -> None:
    """Two hours Running, stored as the sink stores them, found through SLS's own interface."""
    config = tmp_path / "config.ini"
    config.write_text("[local]\nenabled = yes\n", encoding="utf-8")
    states = {"Created": 181, "Running": 180, "Stopped": 60, "Deleted": 59}
    records = [_record(state, minutes) for state, minutes in states.items()]
    assert _store_and_read(config, records) == pytest.approx(2.0, abs=0.01)


def test_a_file_is_read_from_where_it_lies(tmp_path: Path) -> None:
    """Whatever the configuration says."""
    path = tmp_path / "events.jsonl"
    path.write_text(state_change("Running"), encoding="utf-8")
    history = read_history(str(path), NOWHERE)
    assert (history.origin, len(history.life)) == (str(path), 1)


def test_a_notebook_finds_the_configuration_above_its_folder(tmp_path: Path) -> None:
    """Jupyter works in notebooks/, and config.ini lies beside it."""
    (tmp_path / "config.ini").touch()
    folder = tmp_path / "notebooks"
    folder.mkdir()

    assert nearest("config.ini", folder) == tmp_path / "config.ini"
    assert nearest(str(tmp_path / "config.ini"), folder) == tmp_path / "config.ini"
    assert nearest(NOWHERE, folder) is None


def test_without_a_configuration_the_sample_is_shown_and_named() -> None:
    """A notebook opened anywhere has something to show, and nobody takes it for his own fleet."""
    assert read_history("", NOWHERE).origin == "the sample: a simulated fleet"


def test_the_sample_can_be_cut() -> None:
    """`since`, `until` and `as_of` are times as every command takes them."""
    history = read_history("sample", since="2026-11-22T12:00+08:00", as_of="2026-11-24T00:00+08:00")
    assert history.since_ms == moment_ms("2026-11-22T12:00+08:00")
    assert history.as_of_ms == moment_ms("2026-11-24T00:00+08:00")
    assert history.events["event_time_ms"].min() >= history.since_ms


def test_a_text_that_is_no_time_is_an_error_with_examples() -> None:
    """And not a day that somebody guessed."""
    with pytest.raises(UsageError, match=r"'yesterday' is no time\. Write 90m"):
        read_history("sample", since="yesterday")
