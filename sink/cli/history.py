"""Find what the notebooks are to look at: the logstore of config.ini, a file, or the sample.

The first cell of every notebook calls `read_history` with its parameters as they are typed; `sink report`
fills those in. It stands among the commands because it puts objects together: settings, the logstore that
they name (the embedded one is started, or joined where it runs), and the analysis, which knows neither.

The clock is read here and nowhere below: now is where a record ends at the latest.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from sink.cli.query import moment
from sink.cli.reaching import reach_cloud
from sink.cli.settings import read_settings
from sink.cli.wiring import build_logstore

if TYPE_CHECKING:
    from sink.analysis.history import History

SAMPLE = "sample"


class _Span(TypedDict):
    since_ms: int | None
    until_ms: int | None
    as_of_ms: int | None


def read_history(
    source: str = "", config: str = "config.ini", *, since: str = "", until: str = "", as_of: str = ""
) -> History:
    """Read the history that a notebook shows.

    `source` is a file of events (JSON lines, CSV or Parquet; a glob of them), `sample`, or empty for the
    logstore that `config` names; where there is no such file either, here or in a folder above, it is the
    sample. `since`, `until` and `as_of` are times as `sink query` takes them: 7d (ago), 2026-11-23T08:00,
    epoch seconds; empty means all, all, and the last moment known. Raises a SinkError for what cannot be
    read.

    >>> read_history("sample").origin
    'the sample: a simulated fleet'
    """
    since_ms, until_ms, as_of_ms = (moment_ms(text) if text else None for text in (since, until, as_of))
    now_ms = int(time.time() * 1000)
    span = _Span(since_ms=since_ms, until_ms=until_ms, as_of_ms=as_of_ms)
    if source and source != SAMPLE:
        from sink.analysis.history import read

        return read(source, source, now_ms=now_ms, **span)
    settings_file = nearest(config)
    if source == SAMPLE or settings_file is None:
        return _read_sample(span)
    # A notebook has an event loop of its own, beside which the wiring's `asyncio.run` would not start.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_read_logstore, settings_file, span, now_ms).result()


def nearest(config: str, folder: Path | None = None) -> Path | None:
    """The file of that name in the folder or the nearest one above: Jupyter works in the notebook's own."""
    folder = folder or Path.cwd()
    return next((found for at in (folder, *folder.parents) if (found := at / config).is_file()), None)


def moment_ms(text: str) -> int:
    """A moment as it is typed, in ms since 1970 UTC.

    >>> moment_ms("1795392000")
    1795392000000
    """
    return moment(text, time.time()) * 1000


def _read_sample(span: _Span) -> History:
    from sink.analysis.generator import sample
    from sink.analysis.history import read

    fleet = sample()
    topics = {"event": fleet.records, "inventory": fleet.inventory_records, "action": fleet.action_records}
    records = [{"__topic__": topic, **record} for topic, found in topics.items() for record in found]
    ended: _Span = {**span, "as_of_ms": span["as_of_ms"] or fleet.as_of}
    return read(records, "the sample: a simulated fleet", now_ms=fleet.as_of, **ended)


def _read_logstore(config: Path, span: _Span, now_ms: int) -> History:
    from sink.analysis.history import read

    settings = read_settings(config)
    with reach_cloud(settings) as cloud:
        logstore = build_logstore(settings, cloud)
        try:
            return read(logstore, f"logstore {settings.sls.project}/{logstore.name}", now_ms=now_ms, **span)
        finally:
            logstore.close()
