"""What kind of value an expression shows itself to have: a number, a text, a time.

SLS lets a date function take seconds since the epoch, and refuses to compare a text with a number, where
DuckDB does neither; both need to know the kind of an operand before anything runs. Only what the statement
shows counts: a column of `log`, a literal, a cast, arithmetic. Of anything else, such as a column of a
subquery or a name that the statement gives anew, nothing is known and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from sink.local.sls.errors import parameter_invalid

TIMESTAMP_MACROS = ("presto_from_unixtime", "presto_at_timezone", "presto_from_iso8601_timestamp")
NUMBER_MACROS = ("presto_to_unixtime",)
NUMBERS = (exp.Count, exp.Sum, exp.Avg, exp.Length)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
KEEPS_KIND = (exp.Paren, exp.Neg, exp.Max, exp.Min, exp.AnyValue, exp.Floor, exp.Ceil, exp.Round, exp.Abs)
TIMES = (exp.StrToTime, exp.TimestampTrunc, exp.DateTrunc, exp.DateAdd)
COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}


class Kinds:
    """The kinds in a statement over a logstore with these `numeric` and `text` columns."""

    def __init__(self, statement: exp.Query, numeric: Iterable[str], text: Iterable[str]) -> None:
        given = {name.alias.lower() for name in statement.find_all(exp.Alias)}
        given |= {name.name.lower() for alias in statement.find_all(exp.TableAlias) for name in alias.columns}
        self._numeric = {name.lower() for name in numeric} - given
        self._text = {name.lower() for name in text} - given

    def is_number(self, node: exp.Expr) -> bool:
        """Tell whether `node` shows itself to be a number."""
        match node:
            case exp.Literal():
                return not node.is_string
            case exp.Column():
                return node.name.lower() in self._numeric
            case exp.Cast() | exp.TryCast():
                return node.to.this in exp.DataType.NUMERIC_TYPES
            case exp.Anonymous():
                return str(node.this) in NUMBER_MACROS
        if isinstance(node, ARITHMETIC):
            return self.is_number(node.left) and self.is_number(node.right)
        return isinstance(node, NUMBERS) or (isinstance(node, KEEPS_KIND) and self.is_number(node.this))

    def is_text(self, node: exp.Expr) -> bool:
        """Tell whether `node` shows itself to be a text."""
        match node:
            case exp.Literal():
                return node.is_string
            case exp.Column():
                return node.name.lower() in self._text
            case exp.Cast() | exp.TryCast():
                return node.to.this in exp.DataType.TEXT_TYPES
        return False

    def checked(self, node: exp.Binary) -> exp.Expr:
        """Refuse a comparison of a text with a number, as Presto does. Raises SlsError."""
        left, right = node.left, node.right
        if self.is_text(left) and self.is_number(right):
            kinds = "varchar, bigint"
        elif self.is_number(left) and self.is_text(right):
            kinds = "bigint, varchar"
        else:
            return node
        raise parameter_invalid(
            f"'{COMPARISONS[type(node)]}' cannot be applied to {kinds}: {node.sql('presto')}; "
            "compare a number with a number, a text with a text in single quotes, or use cast"
        )


def is_timestamp(node: exp.Expr) -> bool:
    """Tell whether `node` shows itself to be a TIMESTAMP."""
    match node:
        case exp.Cast():
            return node.to.is_type("timestamp")
        case exp.Anonymous():
            return str(node.this) in TIMESTAMP_MACROS
        case exp.Add() | exp.Sub() | exp.Paren() | exp.Max() | exp.Min():
            return is_timestamp(node.this)
    return isinstance(node, TIMES)


def is_date(node: exp.Expr) -> bool:
    """Tell whether `node` shows itself to be a DATE."""
    return isinstance(node, exp.Date) or (isinstance(node, exp.Cast) and node.to.is_type("date"))


def is_double(node: exp.Expr) -> bool:
    """Tell whether `node` shows itself to be a double, and not an integer."""
    match node:
        case exp.Literal():
            return not node.is_string and not node.name.isdigit()
        case exp.Cast() | exp.TryCast():
            return node.to.is_type("double", "real", "float")
        case exp.Paren() | exp.Neg():
            return is_double(node.this)
    if isinstance(node, ARITHMETIC):
        return is_double(node.left) or is_double(node.right)
    return isinstance(node, exp.Avg)
