"""What is seen of a running sink: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sink.cli.terminal import table_console
from sink.config import Settings
from sink.events import Event, Unreadable
from sink.pipeline import Tally
from sink.telemetry import Journal

_LINE_SECONDS = 10
_REFRESH_SECONDS = 0.5
_RATE_SECONDS = 10
_KIND_COLUMNS = 34
_WIDEST_COLUMNS = 120
"""Beyond it the parts of a line stand too far apart to be read as one."""
STATUS_STYLE = {
    "done": "green",
    "shadow": "cyan",
    "skipped": "dim",
    "refused": "yellow",
    "failed": "bold red",
}
"""How the end of an action's run looks."""


class Work(Protocol):
    """What is shown of: a pipeline, or several in processes of their own."""

    @property
    def tally(self) -> Tally:
        """What was done since it began."""

    @property
    def in_hand(self) -> int:
        """Messages received and not yet settled."""

    @property
    def oldest_received_at_ms(self) -> int | None:
        """When the message longest in hand was received, wall clock in ms."""


@dataclass(slots=True)
class View:
    """What is shown: the work's figures, the journal's troubles, and the rate of the last ten seconds."""

    settings: Settings
    endpoint: str
    work: Work
    journal: Journal
    began: float = field(default_factory=time.monotonic)
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._marks.append((self.began, 0))

    @property
    def rate(self) -> float:
        """Messages stored a second. Call it regularly: it measures between calls."""
        now = time.monotonic()
        self._marks.append((now, self.work.tally.stored))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _RATE_SECONDS:
            self._marks.popleft()
        since, count = self._marks[0]
        return (self.work.tally.stored - count) / (now - since)

    @property
    def oldest_seconds(self) -> float:
        """Age of the message longest in hand."""
        at = self.work.oldest_received_at_ms
        return max(0.0, time.time() - at / 1000) if at is not None else 0.0


def say_what_is_left(work: Work) -> None:
    """Say what a stop waits for, if it does."""
    if work.in_hand:
        text = f"Stopping: {work.in_hand:,} messages in hand. Once more ends it now."
        Console(soft_wrap=True).print(text)


@asynccontextmanager
async def shown(view: View, *, drain: bool) -> AsyncIterator[None]:
    """Show while the block runs, then sum up."""
    viewer = asyncio.create_task(_show(view, drain))
    try:
        yield
    finally:
        viewer.cancel()
        with suppress(asyncio.CancelledError):
            await viewer


async def _show(view: View, drain: bool) -> None:
    """Show until cancelled, then sum up."""
    console = table_console()
    console.print(_opening(view, drain))
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while True:
                    live.update(_table(view), refresh=True)
                    await asyncio.sleep(_REFRESH_SECONDS)
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            console.print(_line(view), soft_wrap=True)
    finally:
        console.print(_summary(view), soft_wrap=True)


def _opening(view: View, drain: bool) -> RenderableType:
    """Where things are, and what to try next."""
    settings = view.settings
    facts = Table.grid(padding=(0, 2))
    facts.add_row("from", f"{', '.join(settings.mns.queues)}  on  {view.endpoint}")
    facts.add_row("into", f"{settings.sls.project}/{settings.sls.logstore}")
    if settings.sink.processes > 1:
        facts.add_row("by", f"{settings.sink.processes} processes")
    if settings.action:
        facts.add_row("acts", ", ".join(_enabled(settings)))
    if settings.local.enabled:
        facts.add_row("cloud", _embedded(settings, drain))
        facts.add_row("data", str(settings.local.data.resolve()))
    what = "Emptying the queue" if drain else "Every ECS event goes into the logstore; Ctrl-C ends it"
    return Group(Text(f"ecs-event-sink. {what}.", style="bold"), facts, _tries(settings, drain))


def _enabled(settings: Settings) -> Sequence[str]:
    """The enabled actions; of those that only decide, that they do."""
    return [f"{name}{' (shadow)' if own.mode == 'shadow' else ''}" for name, own in settings.action.items()]


def _embedded(settings: Settings, drain: bool) -> str:
    if drain or not settings.local.fleet:
        return "embedded, without a fleet"
    speed = f"{settings.local.fleet_speed:g}"
    return (
        f"embedded, with a simulated fleet of {settings.local.fleet} that lives {speed} times as fast as life"
    )


def _tries(settings: Settings, drain: bool) -> Text:
    """What to type next; of actions only where there are some."""
    if drain:
        return Text("")
    tries = [
        """query 'kind:"Instance:PreemptibleInstanceInterruption"'""",
        "query '* | select kind, state, count(1) as n group by kind, state order by n desc'",
    ]
    if settings.action:
        tries += ["query '__topic__:action and status:done'", "explain INSTANCE", "actions"]
    lines = "".join(f"  {_invoked_as()} {one}\n" for one in tries)
    return Text(f"\nTry, in another terminal:\n{lines}", style="dim")


def _invoked_as() -> str:
    """How this program was called, so that what is printed can be typed."""
    called = Path(sys.argv[0])
    if called.name != "sink":
        return "sink"
    absolute = called.resolve()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(called)


def _table(view: View) -> RenderableType:
    tally = view.work.tally
    figures = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("received", "stored", "in hand", "oldest", "rate"):
        figures.add_column(name, justify="right", min_width=9)
    figures.add_row(
        f"{tally.received:,}",
        f"{tally.stored:,}",
        f"{view.work.in_hand:,}",
        f"{view.oldest_seconds:.1f} s",
        f"{view.rate:.1f}/s",
    )
    parts: list[RenderableType] = [Text(""), figures, _notes(view), Text("")]
    parts.append(_recent(view.journal.recent))
    if view.journal.decisions:
        parts += [Text("\n  actions" + _counts(view, ": "), style="dim"), _decisions(view.journal.decisions)]
    return Group(*parts)


def _notes(view: View) -> Text:
    """What is out of the ordinary, and nothing otherwise."""
    tally = view.work.tally
    counts = {
        "quarantined": tally.quarantined,
        "given back": tally.given_back,
        "to come again": tally.redelivered,
        "left in the queue": tally.waiting or 0,
    }
    told = [f"{count:,} {name}" for name, count in counts.items() if count]
    failing = [f"{part}: {why}" for part, why in view.journal.failing.items()]
    return Text(
        "\n".join(["  " + " · ".join(told)] * bool(told) + ["  " + text for text in failing]), style="yellow"
    )


def _recent(events: Iterable[Event | Unreadable]) -> RenderableType:
    """The last events, one a line."""
    lines = Table.grid(padding=(0, 2), pad_edge=True, expand=True)
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True, overflow="ellipsis", max_width=_KIND_COLUMNS)
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for event in events:
        if isinstance(event, Unreadable):
            lines.add_row("", "quarantined", event.reason, "", style="red")
        else:
            urgent = "Interruption" in event.kind or "Failure" in event.kind
            lines.add_row(*_told(event), style="bold red" if urgent else "")
    return Constrain(lines, _WIDEST_COLUMNS)


def _told(event: Event) -> tuple[str, str, str, str]:
    """When, what, how it stands, and of which instance."""
    when = datetime.fromtimestamp(event.event_time_ms / 1000) if event.event_time_ms is not None else None
    which = f"{event.instance_name}  {event.instance_id}".strip()
    return f"{when:%H:%M:%S}" if when else "", event.kind, event.state or event.status, which


def _decisions(records: Iterable[Mapping[str, str]]) -> RenderableType:
    """The last decisions, one a line: when, by whom, how it ended and why, and of which instance."""
    lines = Table.grid(padding=(0, 2), pad_edge=True, expand=True)
    for _ in range(3):
        lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for one in records:
        when = datetime.fromtimestamp(int(one["finished_at_ms"]) / 1000)
        told = (f"{when:%H:%M:%S}", one["module"], one["status"], _why(one))
        lines.add_row(*map(escape, told), style=STATUS_STYLE.get(one["status"], ""))
    return Constrain(lines, _WIDEST_COLUMNS)


def _why(record: Mapping[str, str]) -> str:
    """The reason, with the instance where that does not name it."""
    reason, instance_id = record["reason"], record.get("instance_id", "")
    return reason if instance_id in reason else f"{instance_id}  {reason}"


def _counts(view: View, head: str) -> str:
    """How many runs of actions ended how; nothing where there were none."""
    counts = view.journal.actions
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
    return f"{head}{told}" if told else ""


def _line(view: View) -> str:
    tally = view.work.tally
    text = (
        f"received {tally.received:,}  stored {tally.stored:,}  in hand {view.work.in_hand:,}  "
        f"oldest {view.oldest_seconds:.1f} s  rate {view.rate:.1f}/s"
    )
    text += f"  left in the queue {tally.waiting:,}" if tally.waiting else ""
    return escape(text + _counts(view, "  actions: "))


def _summary(view: View) -> str:
    tally = view.work.tally
    seconds = time.monotonic() - view.began
    parts = [f"received {tally.received:,}", f"stored {tally.stored:,}", f"deleted {tally.deleted:,}"]
    if tally.quarantined:
        parts.append(f"quarantined {tally.quarantined:,}")
    if tally.given_back:
        parts.append(f"given back {tally.given_back:,}")
    return escape(f"Ended after {seconds:.0f} s: {', '.join(parts)}{_counts(view, '; actions: ')}.")
