"""What the sink says of itself while it works: one log line per change of state, and what it saw last.

A part (a queue, the logstore) that fails is tried again and again; the operator hears of it once, with
what is wrong and what to do, and once more when it works again. `Journal` is the pipeline's `Report`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TextIO, cast

import structlog

from sink.errors import SinkError
from sink.events import Event, Unreadable

_REMEMBERED = 8
_TOLD = ("module", "mode", "status", "reason", "instance_id", "action_id")


@dataclass(slots=True)
class Trouble:
    """A part that does not work: its last error, since when, and how often it was tried."""

    error: SinkError
    since: float
    tries: int = 1


class Journal:
    """Keeps the state of each part and the last events, and writes the log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = structlog.get_logger()
        self._clock = clock
        self.troubles: dict[str, Trouble] = {}
        """The parts that do not work now."""
        self.recent: deque[Event | Unreadable] = deque(maxlen=_REMEMBERED)
        """The last events received, oldest first."""
        self.decisions: deque[Mapping[str, str]] = deque(maxlen=_REMEMBERED)
        """The fields of the last action records, oldest first."""
        self.actions: Counter[str] = Counter()
        """Runs of actions, by how they ended."""
        self._failing_afar: dict[int, Mapping[str, str]] = {}
        """What does not work for a worker, by its number."""

    @property
    def failing(self) -> dict[str, str]:
        """The parts that do not work now and why, those of workers with their number."""
        own = {part: str(trouble.error) for part, trouble in self.troubles.items()}
        afar = {
            f"{part} of worker {worker}": why
            for worker, failing in self._failing_afar.items()
            for part, why in failing.items()
        }
        return own | afar

    def received(self, events: Sequence[Event | Unreadable]) -> None:
        """Remember the last few."""
        self.recent.extend(events[-_REMEMBERED:])

    def trouble(self, part: str, error: SinkError) -> None:
        """A part failed. Logged when it worked until now, or fails in another way."""
        known = self.troubles.get(part)
        if known is not None and known.error.code == error.code:
            known.tries += 1
            return
        since = known.since if known else self._clock()
        self.troubles[part] = Trouble(error, since)
        self._log.error(
            "failing",
            part=part,
            code=error.code,
            why=error.message,
            hint=error.hint,
            request_id=error.request_id,
        )

    def fine(self, part: str) -> None:
        """A part works. Logged when it did not until now."""
        trouble = self.troubles.pop(part, None)
        if trouble is not None:
            seconds = round(self._clock() - trouble.since, 1)
            self._log.info("recovered", part=part, after_seconds=seconds, tries=trouble.tries)

    def acted(self, fields: Mapping[str, str], *, alarm: bool) -> None:
        """A run of an action has ended. Logged as critical where an operator should look at it."""
        self.decisions.append(fields)
        self.actions[fields["status"]] += 1
        log = self._log.critical if alarm else self._log.info
        log("alarm" if alarm else "acted", **{name: fields[name] for name in _TOLD if name in fields})

    def bug(self, error: Exception) -> None:
        """Something raised that should not."""
        self._log.critical("bug", why=repr(error), exc_info=error)

    def heard(self, worker: int, events: Sequence[Event | Unreadable], failing: Mapping[str, str]) -> None:
        """A worker tells what it received and what does not work. Its changes it logs by itself."""
        self.received(events)
        self._failing_afar[worker] = failing

    def lost(self, worker: int, why: str, again_after_seconds: float | None) -> None:
        """A worker ended that should not have. It is started again after so long; None for never."""
        self._failing_afar.pop(worker, None)
        pause = None if again_after_seconds is None else round(again_after_seconds, 1)
        self._log.error("worker ended", worker=worker, why=why, again_after_seconds=pause)

    def alone(self) -> None:
        """The parent of this worker is gone."""
        self._log.error("parent gone", hint="The worker stops in good order. Start the sink again")


class Out(Protocol):
    """Where lines of the log go."""

    def write(self, line: str, /) -> object:
        """Write a line, its end included."""

    def flush(self) -> object:
        """See that it goes."""


def configure_logging(
    *, live: bool = False, worker: int | None = None, out: Callable[[], Out] = lambda: sys.stderr
) -> None:
    """Log to standard error: for people on a terminal, as JSON lines elsewhere.

    Beside a `live` view, which shows what actions decide, only their alarms are logged. The lines of a
    `worker` carry its number and go `out` through its parent, each in one write.
    """
    terminal = sys.stderr.isatty()
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            *([_without_decisions] if live else []),
            *([partial(_of_worker, worker)] if worker is not None else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not terminal),
            structlog.processors.format_exc_info,
            _without_blanks,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Looked up at each line: a live display puts itself in stderr's place.
        logger_factory=lambda *_: structlog.WriteLogger(cast("TextIO", out())),
        cache_logger_on_first_use=False,
    )


def _without_blanks(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {key: value for key, value in event.items() if value not in ("", None)}


def _of_worker(
    worker: int, _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {**event, "worker": worker}


def _without_decisions(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if event["event"] == "acted":
        raise structlog.DropEvent
    return event
