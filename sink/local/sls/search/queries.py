"""What is asked of the search engine, and what it answers.

The API layer of SLS builds a `LogQuery` from either shape of GetLogs and turns a `LogAnswer` into
either shape of response; nothing here knows about HTTP. Names follow the vendor's (`line`, `offset`,
`reverse`, `whereQuery`, `aggQuery`), except `from_`, which Python reserves.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LogQuery:
    """One GetLogs: the logs of [`from_`, `to`) that match `query`.

    Times are seconds since the epoch, `from_ns` and `to_ns` the nanoseconds to add. `line`, `offset`
    and `reverse` page a search; SQL pages by its own LIMIT. `topic` is exact, None or "" for any.
    """

    from_: int
    to: int
    query: str = ""
    topic: str | None = None
    line: int = 100
    offset: int = 0
    reverse: bool = False
    from_ns: int = 0
    to_ns: int = 0


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """What a query found. `processed_rows` counts the logs that were looked at.

    `keys` and `column_types` describe the rows, in column order; both are empty for a search.
    `terms` are the words that the search asked for, as (key, term); the key is "" for full text.
    """

    rows: list[dict[str, str]]
    has_sql: bool = False
    where_query: str = ""
    agg_query: str = ""
    keys: list[str] = field(default_factory=list)
    column_types: list[str] = field(default_factory=list)
    terms: list[tuple[str, str]] = field(default_factory=list)
    processed_rows: int = 0
    progress: str = "Complete"
    limited: int = 0
    """The LIMIT of the SQL, 100 where it named none; 0 for a search."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar of a histogram: `count` logs in [`from_`, `to`), seconds since the epoch."""

    from_: int
    to: int
    count: int
