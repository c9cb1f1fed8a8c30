"""`sink query`: search the logstore in SLS's own syntax, wherever it is."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sink.cli.reaching import reach_cloud
from sink.cli.terminal import table_console
from sink.cli.wiring import build_logstore
from sink.config import Settings
from sink.errors import UsageError
from sink.stores.sls import Answer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AHEAD_SECONDS = 900
"""SLS takes log times so far ahead of now: the default end includes them."""


def show_query(
    settings: Settings, text: str, *, start: str, end: str | None, limit: int, as_json: bool
) -> None:
    """Ask, and print rows. A faulty query leaves with the service's own words."""
    now = time.time()
    first, last = moment(start, now), moment(end, now) if end else int(now) + AHEAD_SECONDS
    with reach_cloud(settings) as cloud:
        logstore = build_logstore(settings, cloud)
        try:
            answer = logstore.query(text, first, last, limit)
        finally:
            logstore.close()
    if as_json:
        _print_json(answer)
    else:
        _print_table(answer)


def moment(text: str, now: float) -> int:
    """Seconds since the epoch of `90m` (ago), an ISO time (local unless it says otherwise), or such a number.

    >>> moment("2m", 1000)
    880
    """
    ago = re.fullmatch(r"(\d+)([smhd])", text)
    if ago:
        return int(now) - int(ago[1]) * _UNITS[ago[2]]
    if text.isdigit():
        return int(text)
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise UsageError(f"{text!r} is no time", "Write 90m, 7d, 2026-11-23T08:00 or epoch seconds") from None


def _print_json(answer: Answer) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for row in answer.rows:
        console.print(orjson.dumps(row).decode())


def _print_table(answer: Answer) -> None:
    console = table_console()
    rows = answer.rows if answer.columns else [_summary(row) for row in answer.rows]
    columns = list(answer.columns) or list(dict.fromkeys(column for row in rows for column in row))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    for row in rows:
        table.add_row(*(escape(row.get(column, "")) for column in columns))
    if rows:
        console.print(table)
    console.print(_footer(answer), style="dim", highlight=False)


def _summary(row: Mapping[str, str]) -> dict[str, str]:
    """What a search shows of a record: when, what, how, and of which instance. --json has all fields."""
    at_ms = row.get("event_time_ms") or f"{row['__time__']}000"
    when = datetime.fromtimestamp(int(at_ms) / 1000).astimezone()
    return {
        "time": when.isoformat(" ", "seconds"),
        "topic": row.get("__topic__", ""),
        "kind": row.get("kind") or row.get("module") or row.get("reason", ""),
        "status": row.get("state") or row.get("status", ""),
        "instance": row.get("instance_id", ""),
        "name": row.get("instance_name", ""),
    }


def _footer(answer: Answer) -> str:
    rows = f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}"
    incomplete = "" if answer.complete else ", incomplete: SLS ran out of time; ask for a shorter range"
    return f"{rows} in {answer.milliseconds} ms{incomplete}"
