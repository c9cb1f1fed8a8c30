"""`time_series(time, window, format, padding)`: a row for every window, also where there were no logs.

The statement itself groups by the start of the window; the windows between the first and the last one are
then filled in here, since no SQL of one SELECT can invent rows. So LIMIT counts after filling, and the
answer is in the order of time ("Time series padding function" of the vendor's date functions).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from sqlglot import exp
from sqlglot.dialects.presto import Presto
from sqlglot.time import format_time

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.search.sql.dialect import call
from sink.local.sls.search.sql.render import java_double

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PADDINGS = ("0", "null", "last", "next", "avg")
NAME = "presto_time_series"


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """A statement's time series: which column it is, its window in seconds, and what fills the gaps."""

    place: int
    window: int
    format: str
    padding: str

    @classmethod
    def taken_from(cls, statement: exp.Query) -> TimeSeries | None:
        """Find the time series of a statement and leave the start of its window in its place."""
        selects = statement.expressions if isinstance(statement, exp.Select) else []
        places = [place for place, column in enumerate(selects) if _is_series(column.unalias())]
        calls = [node for node in statement.find_all(exp.Anonymous) if _is_series(node)]
        if not calls:
            return None
        if len(places) != 1 or any(node != calls[0] for node in calls):
            raise parameter_invalid("time_series must be one column of the outermost SELECT")
        series = cls(places[0], *_arguments(calls[0]))
        _refuse_descending(statement)
        for node in calls:
            start = call("presto_window_start", node.expressions[0].copy(), exp.Literal.number(series.window))
            node.replace(start)
        statement.set("order", None)
        return series

    def filled(self, rows: Sequence[Sequence[str]]) -> list[list[str]]:
        """The rows in the order of time, with those between them that are missing."""
        ordered = sorted((list(row) for row in rows if row[self.place] != "null"), key=self._start)
        starts = [self._start(row) for row in ordered]
        if len(set(starts)) < len(starts):
            raise parameter_invalid("time_series is grouped by time alone: GROUP BY and ORDER BY its column")
        filled = [row for pair in pairwise(ordered) for row in self._up_to(*pair)] + ordered[-1:]
        return [self._formatted(row) for row in filled]

    def _start(self, row: Sequence[str]) -> int:
        return int(row[self.place])

    def _up_to(self, row: list[str], after: list[str]) -> Iterator[list[str]]:
        """`row`, and the windows between it and the row `after` it."""
        yield row
        for start in range(self._start(row) + self.window, self._start(after), self.window):
            padded = [self._padded(*values) for values in zip(row, after, strict=True)]
            padded[self.place] = str(start)
            yield padded

    def _padded(self, last: str, following: str) -> str:
        match self.padding:
            case "last":
                return last
            case "next":
                return following
            case "avg":
                return _average(last, following)
            case constant:
                return constant

    def _formatted(self, row: list[str]) -> list[str]:
        start = datetime.fromtimestamp(self._start(row), UTC)
        return [start.strftime(self.format) if i == self.place else text for i, text in enumerate(row)]


def _is_series(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.this == NAME


def _arguments(node: exp.Anonymous) -> tuple[int, str, str]:
    texts = [argument.name for argument in node.expressions[1:]]
    window = re.fullmatch(r"(\d+)([smhd])", texts[0]) if len(texts) == 3 else None
    if window is None or not int(window[1]) or texts[2] not in PADDINGS:
        raise _faulty()
    form = format_time(texts[1], Presto.TIME_MAPPING) or texts[1]
    return int(window[1]) * SECONDS[window[2]], form, texts[2]


def _faulty() -> SlsError:
    return parameter_invalid(
        "time_series takes a time, a window such as '5m', a format such as '%H:%i', "
        f"and one of {', '.join(map(repr, PADDINGS))}"
    )


def _refuse_descending(statement: exp.Query) -> None:
    order = statement.args.get("order")
    if order is not None and any(term.args.get("desc") for term in order.expressions):
        raise parameter_invalid("time_series cannot be sorted in descending order")


def _average(last: str, following: str) -> str:
    try:
        return java_double((float(last) + float(following)) / 2)
    except ValueError:
        return "null"
