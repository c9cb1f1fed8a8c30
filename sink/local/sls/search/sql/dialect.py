"""The SQL that SLS takes: Presto's, as sqlglot knows it, with the functions of `macros.py`.

Parsing gives every Presto name its meaning at once: a typed node where sqlglot has one and DuckDB agrees,
a call of a macro where it does not. What is left as `exp.Anonymous` under another name is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import build_formatted_time
from sqlglot.dialects.presto import Presto
from sqlglot.parsers.presto import PrestoParser

from .macros import FUNCTIONS

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
            "AT_TIMEZONE": lambda args: call("presto_at_timezone", *args),
            "FORMAT_DATETIME": build_formatted_time(exp.TimeToStr, "hive"),
            "PARSE_DATETIME": build_formatted_time(exp.StrToTime, "hive"),
            "YOW": lambda args: exp.YearOfWeek(this=args[0]),
            "REDUCE": lambda args: _reduced(*args),
            "ANY_MATCH": lambda args: exp.GT(this=_matches(args), expression=exp.Literal.number(0)),
            "NONE_MATCH": lambda args: exp.EQ(this=_matches(args), expression=exp.Literal.number(0)),
            "ALL_MATCH": lambda args: exp.EQ(this=_matches(args), expression=call("len", args[0].copy())),
        }


def _matches(arguments: Sequence[exp.Expr]) -> exp.Expr:
    return call("len", call("list_filter", *arguments))


def _reduced(array: exp.Expr, start: exp.Expr, step: exp.Expr, finish: exp.Expr) -> exp.Expr:
    """Presto's reduce: DuckDB has no `finish`, so its body takes what the steps make."""
    made = call("list_reduce", array, step, start)
    names = {name.name for name in finish.expressions}
    body: exp.Expr = finish.this.transform(lambda node: made.copy() if _is_name(node, names) else node)
    return body


def _is_name(node: exp.Expr, names: Container[str]) -> bool:
    return isinstance(node, exp.Identifier) and node.name in names
