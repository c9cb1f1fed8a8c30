"""The SQL that SLS takes: Presto's, as sqlglot knows it, with the functions of `macros.py`.

Parsing gives every Presto name its meaning at once: a typed node where sqlglot has one and DuckDB agrees,
a call of a macro where it does not. What is left as `exp.Anonymous` under another name is unknown, and
`statement.py` refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from inspect import signature
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import build_formatted_time
from sqlglot.dialects.presto import Presto
from sqlglot.errors import ParseError
from sqlglot.parsers.presto import PrestoParser

from sink.local.sls.search.sql.macros import FUNCTIONS

MACRO_NAMES = frozenset(FUNCTIONS.values()) | {"presto_at_timezone"}


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a function by the name that DuckDB knows it by."""
    return exp.Anonymous(this=name, expressions=list(arguments))


class Sls(Presto):
    """Presto, read with SLS's functions. It is only read: DuckDB's dialect writes."""

    class Parser(PrestoParser):
        """Presto's parser with the names of `FUNCTIONS` bound to their macros."""

        FUNCTIONS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {
            **PrestoParser.FUNCTIONS,
            **{name: (lambda args, macro=macro: call(macro, *args)) for name, macro in FUNCTIONS.items()},
            "FORMAT_DATETIME": build_formatted_time(exp.TimeToStr, "hive"),
            "PARSE_DATETIME": build_formatted_time(exp.StrToTime, "hive"),
            "AT_TIMEZONE": lambda args: _built("at_timezone", _at_timezone, args),
            "YOW": lambda args: _built("yow", _year_of_week, args),
            "REDUCE": lambda args: _built("reduce", _reduced, args),
            "ANY_MATCH": lambda args: _built("any_match", _any_match, args),
            "NONE_MATCH": lambda args: _built("none_match", _none_match, args),
            "ALL_MATCH": lambda args: _built("all_match", _all_match, args),
        }


def _built(name: str, build: Callable[..., exp.Expr], arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) != len(signature(build).parameters):
        raise ParseError(f"Unexpected parameters for function {name}")
    return build(*arguments)


def _at_timezone(time: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return call("presto_at_timezone", time, zone)


def _year_of_week(time: exp.Expr) -> exp.Expr:
    return exp.YearOfWeek(this=time)


def _any_match(array: exp.Expr, predicate: exp.Expr) -> exp.Expr:
    return exp.GT(this=_matches(array, predicate), expression=exp.Literal.number(0))


def _none_match(array: exp.Expr, predicate: exp.Expr) -> exp.Expr:
    return exp.EQ(this=_matches(array, predicate), expression=exp.Literal.number(0))


def _all_match(array: exp.Expr, predicate: exp.Expr) -> exp.Expr:
    return exp.EQ(this=_matches(array, predicate), expression=call("len", array.copy()))


def _matches(array: exp.Expr, predicate: exp.Expr) -> exp.Expr:
    return call("len", call("list_filter", array, predicate))


def _reduced(array: exp.Expr, start: exp.Expr, step: exp.Expr, finish: exp.Expr) -> exp.Expr:
    """Presto's reduce: DuckDB has no `finish`, so its body takes what the steps make."""
    made = call("list_reduce", array, step, start)
    names = {name.name for name in finish.expressions}
    body: exp.Expr = finish.this.transform(lambda node: made.copy() if _is_name(node, names) else node)
    return body


def _is_name(node: exp.Expr, names: Container[str]) -> bool:
    return isinstance(node, exp.Identifier) and node.name in names
