"""Lifetimes and stays as SQL that SLS itself runs: years of a large fleet are aggregated there.

Notebooks and users of SLS's console take `lifetimes_query` and `intervals_query`; `query_lifetimes` and
`query_intervals` run them and give the same frames as `lifetimes` and `intervals` do without an inventory,
row by row. `stays.sql` is the part that both begin with. Only what SLS documents is used: WITH, JOIN, CASE,
coalesce, greatest, row_number, lag, lead and aggregates over windows.

The tests compare both on the embedded cloud, which runs Presto's dialect on DuckDB: that proves the logic.
That SLS takes every word of it only a real logstore can prove.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

import pandas as pd

from sink.analysis.frames import (
    GRACE_MS,
    INTERVALS,
    LEAD_MS,
    LIFETIMES,
    MS_PER_HOUR,
    OUTCOMES,
    STATES,
    STAY_STATES,
    WINDOW_MS,
    FrameError,
    Schema,
)
from sink.analysis.logstore import LAST_SECOND, Logstore
from sink.events import INTERRUPTION, STATE_CHANGE

MOST_ROWS = 1_000_000
"""What SLS gives at most; without LIMIT it gives a hundred."""


def lifetimes_query(as_of: int) -> str:
    """The query for one row an instance as of a moment, in ms since 1970 UTC, to paste into SLS's console.

    >>> lifetimes_query(1795305600000).splitlines()[0]
    '__topic__: event | WITH event AS ('
    """
    return _fill("lifetimes.sql", as_of)


def intervals_query(as_of: int) -> str:
    """The query for one row a stay as of a moment, in ms since 1970 UTC.

    >>> intervals_query(1795305600000).rstrip().endswith("LIMIT 1000000")
    True
    """
    return _fill("intervals.sql", as_of)


def query_lifetimes(logstore: Logstore, as_of: int, start: int = 0, end: int = LAST_SECOND) -> pd.DataFrame:
    """Let the logstore compute the lifetimes of its records in [start, end) seconds. Gives frame LIFETIMES.

    Columns that come from an inventory are missing values. Raises FrameError where SLS did not read all
    records, or has more rows than it gives.
    """
    return _ask(logstore, lifetimes_query(as_of), LIFETIMES, (start, end))


def query_intervals(logstore: Logstore, as_of: int, start: int = 0, end: int = LAST_SECOND) -> pd.DataFrame:
    """Let the logstore compute the stays of its records in [start, end) seconds. Gives frame INTERVALS.

    Raises FrameError as `query_lifetimes` does.
    """
    return _ask(logstore, intervals_query(as_of), INTERVALS, (start, end))


def _fill(name: str, as_of: int) -> str:
    text = "".join(files(__package__).joinpath(part).read_text("utf-8") for part in ("stays.sql", name))
    values = {"as_of": int(as_of), "lead": LEAD_MS, "grace": GRACE_MS, "window": WINDOW_MS}
    names = {"state_change": STATE_CHANGE, "interruption": INTERRUPTION}
    filled = Template(text).substitute(values, **names, hour=MS_PER_HOUR, limit=MOST_ROWS)
    return f"__topic__: event | {filled}"


def _ask(logstore: Logstore, query: str, schema: Schema, span: tuple[int, int]) -> pd.DataFrame:
    answer = logstore.query(query, *span, MOST_ROWS)
    if not answer.complete or len(answer.rows) >= MOST_ROWS:
        raise FrameError(
            f"The logstore gave {len(answer.rows)} {schema.name} and says there are more",
            "Ask for a shorter span, or load an export with load_events(...)",
        )
    frame = pd.DataFrame(list(answer.rows), columns=schema.names, dtype="object")
    return schema.cast(frame.apply(lambda column: _typed(column, schema)))


_ORDERED = {"outcome": OUTCOMES, "state": STAY_STATES, "next_state": (*STATES, "Gone")}


def _typed(texts: pd.Series, schema: Schema) -> pd.Series:
    """SLS answers in texts, `null` for what is missing."""
    dtype = next(column.dtype for column in schema.columns if column.name == texts.name)
    known = texts.where(texts.notna() & (texts != "null") & (texts != ""), None)
    if dtype == "category":
        named = _ORDERED.get(str(texts.name))
        return known.astype(pd.CategoricalDtype(list(named))) if named else known.astype("category")
    numbers = pd.to_numeric(known).astype("Int64")
    return numbers.fillna(0).astype("bool") if dtype == "bool" else numbers
