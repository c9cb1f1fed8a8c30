"""`sink explain` on paper: ask the logstore, print the timeline."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import orjson
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sink.cli.explain.decisions import headline, notice_bar, shown, timing
from sink.cli.explain.timeline import Entry, Wanted, span, timeline
from sink.cli.live import STATUS_STYLE
from sink.cli.query import AHEAD_SECONDS, moment
from sink.cli.reaching import reach_cloud
from sink.cli.terminal import table_console
from sink.cli.wiring import build_logstore
from sink.config import Settings
from sink.errors import UsageError

_MOST_ROWS = 10_000
_PAUSE_SECONDS = 600
"""A pause from which on it is told how long it was."""


def explain_history(settings: Settings, of: str, *, start: str, end: str | None, as_json: bool) -> None:
    """Print all that is known of an instance or event. Raises UsageError for what can be neither."""
    if not re.fullmatch(r"[\w.:-]+", of):
        raise UsageError(f"{of!r} is neither an instance nor an event", "Give i-… or an event_key")
    now = time.time()
    first, last = moment(start, now), moment(end, now) if end else int(now) + AHEAD_SECONDS
    rows = _find(settings, of, first, last)
    entries = timeline(rows, _wanted(settings))
    if as_json:
        _print_json(entries)
    elif entries:
        _print(of, entries, is_cut=len(rows) == _MOST_ROWS)
    else:
        Console(soft_wrap=True, highlight=False, markup=False).print(_nothing(of, start, end))


def _find(settings: Settings, of: str, first: int, last: int) -> Sequence[Mapping[str, str]]:
    """Every record that names it, of all topics; of what could not be read, where its text does."""
    names = " or ".join(f'{name}:"{of}"' for name in ("instance_id", "event_key", "action_id"))
    with reach_cloud(settings) as cloud:
        logstore = build_logstore(settings, cloud)
        try:
            return logstore.query(
                f'{names} or (__topic__:quarantine and body:"{of}")', first, last, _MOST_ROWS
            ).rows
        finally:
            logstore.close()


def _wanted(settings: Settings) -> Wanted:
    """Who of the enabled actions handles an event."""
    if not settings.action:
        return lambda event: ()
    from sink.cli.acting import build_modules

    modules = build_modules(settings)
    return lambda event: [one.name for one in modules if one.action.wants(event)]


def _print_json(entries: Sequence[Entry]) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for one in entries:
        console.print(orjson.dumps(asdict(one)).decode())


def _nothing(of: str, start: str, end: str | None) -> str:
    until = f" to {end}" if end else ""
    return (
        f"Nothing is known of {of} from {start}{until}. Try a longer time (--from 365d), or\n"
        f"  sink query '{of}' --from 365d\n"
        "An instance's id begins with i-; of an event give the event_key, 32 digits and letters."
    )


def _print(of: str, entries: Sequence[Entry], *, is_cut: bool) -> None:
    console = table_console()
    console.print(_about(of, entries))
    before: Entry | None = None
    for one in entries:
        if before is None or _day(one) != _day(before):
            console.print(Text(f"\n{_day(one)}", style="bold"))
        elif (seconds := (one.at_ms - before.at_ms) / 1000) >= _PAUSE_SECONDS:
            console.print(Text(f"            {span(seconds)} later", style="dim"))
        console.print(_shown(one))
        before = one
    console.print(_summary(entries, is_cut), style="dim", highlight=False)


def _about(of: str, entries: Sequence[Entry]) -> RenderableType:
    """Who it is, as its last record has it."""
    record: dict[str, str] = {}
    for one in entries:
        record |= {name: value for name, value in one.record.items() if value}
    named = ("instance_name", "instance_type", "zone_id", "region_id")
    known = [record[name] for name in named if name in record]
    if of != record.get("instance_id", of):
        known.insert(0, record["instance_id"])
    return Text.assemble((of, "bold"), "  ", "  ".join(known))


def _day(entry: Entry) -> str:
    return f"{_local(entry.at_ms):%A, %Y-%m-%d}"


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000).astimezone()


def _shown(entry: Entry) -> RenderableType:
    """An entry with what belongs to it, under its time."""
    line = Table.grid(padding=(0, 2))
    line.add_column(no_wrap=True, style="dim")
    line.add_column(overflow="fold")
    line.add_row(f"{_local(entry.at_ms):%H:%M:%S}.{entry.at_ms % 1000:03}"[:10], _what(entry))
    return line


def _what(entry: Entry) -> RenderableType:
    parts: list[RenderableType] = [_title(entry)]
    parts += [Text(note, style="yellow") for note in entry.notes]
    if entry.topic == "action":
        parts.append(Text(timing(entry.record), style="dim"))
        parts += [Text(line, style="cyan") for line in notice_bar(entry.record)]
        parts.append(Padding(_steps(entry.record), (0, 0, 0, 2)))
    return Group(*parts)


def _title(entry: Entry) -> Text:
    """What it is, in a line."""
    record = entry.record
    again = f"  (stored {entry.copies} times)" if entry.copies > 1 else ""
    if entry.topic == "action":
        mode = "  shadow" if record.get("mode") == "shadow" else ""
        style = STATUS_STYLE.get(record.get("status", ""), "")
        return Text.assemble((headline(record), style), (mode, "cyan"), (again, "dim"))
    if entry.topic == "inventory":
        return Text(f"seen {record.get('status', '')}, in a snapshot{again}")
    if entry.topic == "quarantine":
        return Text(f"a message that cannot be read: {record.get('reason', '')}{again}", style="red")
    told = "  ".join(filter(None, (record.get("kind", ""), record.get("state") or record.get("status", ""))))
    return Text.assemble((told, _event_style(record)), (again, "dim"))


def _event_style(record: Mapping[str, str]) -> str:
    kind = record.get("kind", "")
    return "bold red" if "Interruption" in kind or "Failure" in kind else "bold"


def _steps(record: Mapping[str, str]) -> RenderableType:
    """What was asked and ordered, with the API that did; orders stand out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for step in shown(record):
        took = f"{step.took_ms:,} ms" if step.api else ""
        told = f"{step.step}: {step.result}" if step.result else step.step
        style = "" if step.is_order else "dim"
        table.add_row(Text(took), Text.assemble(told, "  ", (step.api, "italic")), style=style)
    return table


def _summary(entries: Sequence[Entry], is_cut: bool) -> str:
    """What there was in all."""
    events = sum(one.topic == "event" for one in entries)
    decisions = sum(one.topic == "action" for one in entries)
    twice = sum(one.copies - 1 for one in entries)
    counts = {"event": events, "decision": decisions, "duplicate": twice}
    told = [f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count]
    told += [f"the latest {_MOST_ROWS:,} records only: narrow --from and --to"] if is_cut else []
    return "\n" + ", ".join(told)
