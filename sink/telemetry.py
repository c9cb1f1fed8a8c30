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


def configure_logging(*, live: bool = False) -> None:
    """Log to standard error: for people on a terminal, as JSON lines elsewhere.

    Beside a `live` view, which shows what actions decide, only their alarms are logged.
    """
    terminal = sys.stderr.isatty()
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            *([_without_decisions] if live else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not terminal),
            structlog.processors.format_exc_info,
            _without_blanks,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Looked up at each line: a live display puts itself in stderr's place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _without_blanks(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {key: value for key, value in event.items() if value not in ("", None)}


def _without_decisions(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if event["event"] == "acted":
        raise structlog.DropEvent
    return event
