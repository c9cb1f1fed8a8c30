"""The SQL part of a query, from its text to rows of text.

`Analysis` is made before anything runs, so that a faulty statement is refused without work, and `run` on
the logs that the search part keeps. Those are a WITH clause in front of the statement: DuckDB reads only
the columns that the statement needs, and the statement sees this logstore's indexed keys and nothing else.

SLS's keys may differ by case alone, which DuckDB's columns cannot. The first of such keys keeps its name,
the others get a number while the statement runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from duckdb import DuckDBPyConnection
from sqlglot import ErrorLevel, exp

from sink.local.sls.search.sql.faults import FAULTS, sql_fault
from sink.local.sls.search.sql.kinds import Kinds
from sink.local.sls.search.sql.render import rendered, type_name
from sink.local.sls.search.sql.rewrite import SELECTED, limited, rewritten
from sink.local.sls.search.sql.statement import read_statement
from sink.local.sls.search.sql.time_series import TimeSeries

LOCAL = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class LogColumn:
    """A column of `log`: its name, the SQL that gives it, and whether it is a number."""

    name: str
    sql: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What an analysis gives: names and types of its columns, and its rows."""

    keys: list[str]
    column_types: list[str]
    rows: list[list[str]]


class Analysis:
    """One statement over `columns`, ready to run; `now` is in seconds since the epoch.

    `limit` is how many rows its answer has at most. Raises SlsError: 400 ParameterInvalid.
    """

    def __init__(self, sql: str, columns: Iterable[LogColumn], now: float) -> None:
        statement = read_statement(sql)
        self._quoted = {name.name for name in statement.find_all(exp.Identifier) if name.args.get("quoted")}
        self._columns, self._names = _distinct(columns)
        _rename(statement, {name: column for column, name in self._names.items()})
        kinds = _kinds(statement, self._columns)
        self._series = TimeSeries.taken_from(statement)
        self.limit = limited(statement)
        if self._series:
            statement.set("limit", None)
        self._statement = self._translated(statement, kinds, now)

    def run(self, cursor: DuckDBPyConnection, logs: str, parameters: Mapping[str, Any]) -> Table:
        """The answer over `logs`, a FROM clause with its WHERE. Raises SlsError."""
        selected = ", ".join(f"{column.sql} AS {_identifier(column.name)}" for column in self._columns)
        sql = f"WITH {SELECTED} AS (SELECT {selected} FROM {logs}){self._statement}"
        try:
            found = cursor.execute(sql, dict(parameters)).fetchall()
        except FAULTS as fault:
            raise sql_fault(fault, self._quoted) from fault
        return self._table([(name, str(type_)) for name, type_, *_ in cursor.description], found)

    def _translated(self, statement: exp.Query, kinds: Kinds, now: float) -> str:
        """The statement for DuckDB, as it follows the WITH of the selected logs."""
        local = datetime.fromtimestamp(now, UTC).replace(tzinfo=None) + LOCAL
        try:
            made = rewritten(statement, kinds, local)
            clause = made.args.get("with_")
            made.set("with_", None)
            own = [_duckdb(cte) for cte in clause.expressions] if clause else []
            return "".join(f", {cte}" for cte in own) + " " + _duckdb(made)
        except FAULTS as fault:
            raise sql_fault(fault, self._quoted) from fault

    def _table(self, described: list[tuple[str, str]], found: list[tuple[Any, ...]]) -> Table:
        types = [type_ for _, type_ in described]
        rows = [[rendered(*cell) for cell in zip(row, types, strict=True)] for row in found]
        names = [type_name(type_) for type_ in types]
        if self._series:
            rows = self._series.filled(rows)[: self.limit]
            names[self._series.place] = "varchar"
        return Table([self._names.get(name, name) for name, _ in described], names, rows)


def _kinds(statement: exp.Query, columns: Iterable[LogColumn]) -> Kinds:
    numeric = {column.name for column in columns if column.numeric}
    return Kinds(statement, numeric, {column.name for column in columns} - numeric)


def _duckdb(node: exp.Expr) -> str:
    return node.sql("duckdb", unsupported_level=ErrorLevel.RAISE, comments=False)


def _identifier(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def _distinct(columns: Iterable[LogColumn]) -> tuple[list[LogColumn], dict[str, str]]:
    """The columns under names that differ in more than case, and the keys of those renamed."""
    taken: dict[str, LogColumn] = {}
    keys: dict[str, str] = {}
    for column in columns:
        name = column.name
        while name.lower() in taken:
            name = f"{column.name}#{len(taken)}"
            keys[name] = column.name
        taken[name.lower()] = replace(column, name=name)
    return list(taken.values()), keys


def _rename(statement: exp.Query, renamed: Mapping[str, str]) -> None:
    """Let columns whose name is exactly that of a renamed key mean it."""
    for column in statement.find_all(exp.Column):
        if column.name in renamed:
            column.set("this", exp.to_identifier(renamed[column.name], quoted=True))
