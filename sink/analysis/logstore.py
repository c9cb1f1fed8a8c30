"""Take a topic's records out of a logstore, all of them.

SLS hands out 100 rows unless SQL says LIMIT, at most a million with it, and stops reading after a while,
marking the answer incomplete. So each span of time is asked for in full; where the answer is cut, the span
is halved and asked again. A second that is cut all the same is an error: a report on part of the events
would look just like one on all of them.

A field that a record lacks is the text `null` in SQL's answers; here it is absent again.

SLS takes log times of the last seven days only; the sink moves older ones into that window. So a span is
widened by that much, and `loading.py` cuts it at the true time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from sink.analysis.frames import FrameError

_MOST_ROWS = 1_000_000
_LATEST_SECONDS = 7 * 86400
LAST_SECOND = 2**31 - 1


class LogstoreAnswer(Protocol):
    """What a query gave; `sink.stores.Answer` is one."""

    @property
    def rows(self) -> Sequence[Mapping[str, str]]:
        """Rows of text."""

    @property
    def complete(self) -> bool:
        """Whether SLS read all of the span."""


@runtime_checkable
class Logstore(Protocol):
    """What can be asked in SLS's syntax over [start, end) seconds; `sink.stores.sls.SlsLogstore` is one."""

    def query(self, text: str, start: int, end: int, limit: int = 100) -> LogstoreAnswer:
        """Answer a search, or a search and `| SQL`."""


def fetch_records(
    logstore: Logstore,
    topic: str,
    fields: Sequence[str],
    within: tuple[int | None, int | None],
    most: int = _MOST_ROWS,
) -> Iterator[Mapping[str, str]]:
    """Yield a topic's records of at least [since, until), in ms: what SLS keeps by the second.

    Raises FrameError where SLS gives less than all of a second.
    """
    since, until = within
    start = 0 if since is None else max(0, since // 1000)
    end = LAST_SECOND if until is None else min(until // 1000 + _LATEST_SECONDS, LAST_SECOND)
    sql = f"SELECT {', '.join(fields)} FROM log LIMIT {most}"
    return _span(logstore, f"__topic__: {topic} | {sql}", start, end, most)


def _span(logstore: Logstore, text: str, start: int, end: int, most: int) -> Iterator[Mapping[str, str]]:
    answer = logstore.query(text, start, end, most)
    if answer.complete and len(answer.rows) < most:
        for row in answer.rows:
            yield {name: text for name, text in row.items() if text != "null"}
    elif end - start <= 1:
        raise FrameError(
            f"The logstore gave {len(answer.rows)} records of second {start} and says there are more",
            "Load an export of the logstore (JSON lines or Parquet) instead",
        )
    else:
        middle = (start + end) // 2
        yield from _span(logstore, text, start, middle, most)
        yield from _span(logstore, text, middle, end, most)
