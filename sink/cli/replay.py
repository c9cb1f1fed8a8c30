"""`sink replay`: recorded events, decided about again under the settings of today.

It answers what a change of `config.ini` would have changed, before it is made: try a lower limit, another
tag, an action that is off. `sink.replay` decides; here its events are read and its answer is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sink.cli.acting import build_modules, pace_of
from sink.cli.live import STATUS_STYLE
from sink.cli.query import AHEAD_SECONDS, moment
from sink.cli.reaching import reach_cloud
from sink.cli.terminal import table_console
from sink.cli.wiring import build_logstore
from sink.config import Settings
from sink.errors import UsageError
from sink.events import Event, parse_body
from sink.replay import UNKNOWN, Compared, Decision, replay

_MOST_ROWS = 100_000
Row = Mapping[str, str]


def show_replay(settings: Settings, *, start: str, end: str | None, everything: bool, as_json: bool) -> None:
    """Print decisions that would be others today, or all. Raises UsageError where no action is enabled."""
    if not settings.action:
        raise UsageError("No action is enabled, so nothing is decided", "Name some in [actions] enabled")
    now = time.time()
    first, last = moment(start, now), moment(end, now) if end else int(now) + AHEAD_SECONDS
    events, records = _read(settings, first, last)
    compared = asyncio.run(
        replay(_in_order(events), records, build_modules(settings), pace=pace_of(settings))
    )
    wanted = [one for one in compared if everything or one.differs]
    if as_json:
        _print_json(wanted)
    else:
        _print(wanted, compared, is_cut=_MOST_ROWS in (len(events), len(records)))


def _read(settings: Settings, first: int, last: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """The records of events and of actions."""
    with reach_cloud(settings) as cloud:
        logstore = build_logstore(settings, cloud)
        try:
            return (
                logstore.query("__topic__:event", first, last, _MOST_ROWS).rows,
                logstore.query("__topic__:action", first, last, _MOST_ROWS).rows,
            )
        finally:
            logstore.close()


def _in_order(rows: Sequence[Row]) -> list[Event]:
    """Each event once, in the order of receipt."""
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda one: int(one.get("received_at_ms", 0))):
        first.setdefault(row["event_key"], row)
    parsed = (parse_body(row["body"]) for row in first.values())
    return [event for event in parsed if isinstance(event, Event)]


def _print_json(compared: Sequence[Compared]) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for one in compared:
        told = {
            "event_key": one.event.event_key,
            "event_time_ms": one.event.event_time_ms,
            "kind": one.event.kind,
            "instance_id": one.event.instance_id,
            "module": one.module,
            "then": {"verdict": one.then.verdict, "reason": one.then.reason},
            "now": {"verdict": one.now.verdict, "reason": one.now.reason},
            "differs": one.differs,
        }
        console.print(orjson.dumps(told).decode())


def _print(wanted: Sequence[Compared], compared: Sequence[Compared], *, is_cut: bool) -> None:
    console = table_console()
    for one in wanted:
        console.print(_block(one), highlight=False)
    console.print(_summary(compared, is_cut), style="dim", highlight=False)


def _block(one: Compared) -> RenderableType:
    """A decision, then and today, one below the other."""
    both = Table.grid(padding=(0, 2), pad_edge=True)
    both.add_column(style="dim")
    both.add_column(overflow="fold")
    both.add_row("then", _told(one.then))
    both.add_row("today", _told(one.now))
    head = f"{_time(one.event)}  {one.module}  {one.event.instance_id}  {one.event.kind}"
    return Group(Text(head, style="bold" if one.differs else ""), both)


def _time(event: Event) -> str:
    if event.event_time_ms is None:
        return ""
    return f"{datetime.fromtimestamp(event.event_time_ms / 1000).astimezone():%m-%d %H:%M:%S}"


def _told(decision: Decision) -> Text:
    style = "green" if decision.verdict == "act" else STATUS_STYLE.get(decision.verdict, "dim")
    return Text.assemble((decision.verdict, style), "  ", decision.reason)


def _summary(compared: Sequence[Compared], is_cut: bool) -> str:
    """How many decisions there are, and how they compare."""
    unknown = sum(UNKNOWN in (one.then.verdict, one.now.verdict) for one in compared)
    others = sum(one.differs for one in compared)
    told = [f"{len(compared):,} decisions", f"{others:,} would be others today"]
    told += [f"{unknown:,} cannot be told from the records"] if unknown else []
    verdicts = Counter(one.now.verdict for one in compared)
    told.append("today " + ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(verdicts.items())))
    told += [f"the latest {_MOST_ROWS:,} records only: narrow --from and --to"] if is_cut else []
    return ", ".join(told if compared else told[:1])
