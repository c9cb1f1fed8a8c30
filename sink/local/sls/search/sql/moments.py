"""Times in SQL: how seconds since the epoch become a time, and what DuckDB counts otherwise than Presto.

SLS lets a date function take seconds since the epoch, `date_trunc('hour', __time__)`; Presto and DuckDB do
not. Where the kind of an operand shows in the statement the conversion is written for it; where it does
not, as for a column of a subquery, `presto_timestamp` looks at run time, which is slower.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlglot import exp

from sink.local.sls.search.sql.dialect import call
from sink.local.sls.search.sql.kinds import Kinds, is_date, is_timestamp

TAKES_TIMESTAMP = (
    "presto_to_unixtime", "presto_to_iso8601", "presto_at_timezone", "presto_window_start"
)  # fmt: skip
PARTS = (
    exp.Year, exp.Quarter, exp.Month, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeekIso,
    exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.YearOfWeek, exp.TimeToStr,
)  # fmt: skip
DATE_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")

Rule = Callable[..., exp.Expr]


class Moments:
    """The rules for times; `now` is local time."""

    def __init__(self, kinds: Kinds, now: datetime) -> None:
        self._kinds = kinds
        self._now = now
        self.rules: dict[type[exp.Expr], Rule] = {
            exp.CurrentTimestamp: lambda node: _constant(self._now.isoformat(" "), "TIMESTAMP"),
            exp.Localtimestamp: lambda node: _constant(self._now.isoformat(" "), "TIMESTAMP"),
            exp.CurrentDate: lambda node: _constant(self._now.date().isoformat(), "DATE"),
            exp.AtTimeZone: lambda node: call("presto_at_timezone", node.this, node.args["zone"]),
            exp.TimestampTrunc: self._truncated,
            exp.DateTrunc: self._truncated,
            exp.DateAdd: self._added,
            exp.Add: _dated_sum,
            exp.Sub: _dated_sum,
            exp.DateDiff: self._difference,
            exp.Extract: self._extracted,
            exp.Cast: self._as_text,
            exp.Anonymous: self._macro,
            **dict.fromkeys(PARTS, self._part),
        }

    def moment(self, node: exp.Expr) -> exp.Expr:
        """`node` as a TIMESTAMP or DATE."""
        if is_timestamp(node) or is_date(node):
            return node
        if self._kinds.is_number(node):
            return call("presto_from_unixtime", node)
        if isinstance(node, exp.Literal):
            return _constant(node.name, "TIMESTAMP")
        return call("presto_timestamp", node)

    def _part(self, node: exp.Func) -> exp.Expr:
        node.set("this", self.moment(node.this))
        return node

    def _extracted(self, node: exp.Extract) -> exp.Expr:
        node.set("expression", self.moment(node.expression))
        return node

    def _truncated(self, node: exp.TimestampTrunc | exp.DateTrunc) -> exp.Expr:
        dated = is_date(node.this)
        node.set("this", self.moment(node.this))
        return _to_date(node) if dated else node

    def _added(self, node: exp.DateAdd) -> exp.Expr:
        dated = is_date(node.this) and node.text("unit").upper() in DATE_UNITS
        node.set("this", self.moment(node.this))
        return _to_date(node) if dated else node

    def _difference(self, node: exp.DateDiff) -> exp.Expr:
        """Whole units between the two, as in Presto; DuckDB's date_diff counts the borders crossed."""
        unit = exp.Literal.string(node.text("unit").lower())
        return call("date_sub", unit, self.moment(node.expression), self.moment(node.this))

    def _as_text(self, node: exp.Cast) -> exp.Expr:
        if node.to.this in exp.DataType.TEXT_TYPES and is_timestamp(node.this):
            return call("strftime", node.this, exp.Literal.string("%Y-%m-%d %H:%M:%S.%g"))
        return node

    def _macro(self, node: exp.Anonymous) -> exp.Expr:
        if node.this in TAKES_TIMESTAMP and node.expressions:
            node.set("expressions", [self.moment(node.expressions[0]), *node.expressions[1:]])
        return node


def _constant(text: str, type_: str) -> exp.Cast:
    return exp.cast(exp.Literal.string(text), type_)


def _to_date(node: exp.Expr) -> exp.Expr:
    return exp.cast(node, "DATE")


def _dated_sum(node: exp.Add | exp.Sub) -> exp.Expr:
    """A date and whole days is a date."""
    step = node.expression
    if is_date(node.this) and isinstance(step, exp.Interval) and step.text("unit").upper() in DATE_UNITS:
        return _to_date(node)
    return node
