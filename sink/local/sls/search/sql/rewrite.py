"""Presto's statement made DuckDB's: what sqlglot's own translation leaves different or undone.

Each rule is a function from one node to the node that takes its place, listed by the class of node it is
for. They are about what SLS adds (FROM may be missing, LIMIT 100, names for nameless columns) and about
answers that would differ in silence: integer division, 1.5 as a double, null where DuckDB says '' or fails.
The rules for times stand in `moments.py`.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlglot import exp

from sink.local.sls.search.sql.dialect import call
from sink.local.sls.search.sql.kinds import COMPARISONS, Kinds, is_double
from sink.local.sls.search.sql.moments import Moments, Rule
from sink.local.sls.search.sql.statement import LOG

DEFAULT_LIMIT = 100
SELECTED = "sls_log"
"""What the statement for DuckDB calls the selected logs."""


def rewritten(statement: exp.Query, kinds: Kinds, now: datetime) -> exp.Query:
    """The statement for DuckDB; `now` is local time. Raises SlsError for what Presto would refuse."""
    rules = RULES | dict.fromkeys(COMPARISONS, kinds.checked) | Moments(kinds, now).rules
    _name_columns(statement)
    _read_the_log(_with_from(statement))
    for node in reversed(list(statement.walk())):
        rule = rules.get(type(node))
        made = node if rule is None else rule(node)
        if made is not node:
            node.replace(made)
    return statement


def limited(statement: exp.Query) -> int:
    """Give the statement the LIMIT 100 that the service adds, unless it has one; the limit in force."""
    if statement.args.get("limit") is None:
        statement.limit(DEFAULT_LIMIT, copy=False)
    text = statement.args["limit"].expression.name
    return int(text) if text.isdigit() else DEFAULT_LIMIT


def _with_from(statement: exp.Query) -> exp.Query:
    """Add the FROM that SLS lets one leave out."""
    needs_log = statement.find(exp.Column, exp.Star, exp.AggFunc) is not None
    if isinstance(statement, exp.Select) and statement.args.get("from_") is None and needs_log:
        statement.from_(LOG, copy=False)
    return statement


def _read_the_log(statement: exp.Query) -> None:
    """Lead every table of the statement to the selected logs or to a WITH of its own.

    A WITH gets a name that no table of the database has: read out of its reach it is unknown, and never
    another logstore.
    """
    own = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    for cte in statement.find_all(exp.CTE):
        cte.args["alias"].set("this", _own_name(cte.alias))
    for table in statement.find_all(exp.Table):
        name = _own_name(table.name) if table.name.lower() in own else exp.to_identifier(SELECTED)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", name)


def _own_name(name: str) -> exp.Identifier:
    return exp.to_identifier(f"with {name.lower()}", quoted=True)


def _name_columns(statement: exp.Query) -> None:
    """Name the columns of the answer: as they are written, and `_col0` by place what has no name."""
    first = statement
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    selects = first.expressions if isinstance(first, exp.Select) else []
    for place, column in enumerate(selects):
        if not isinstance(column, exp.Alias) and not column.is_star:
            name = column.name if isinstance(column, exp.Column) else f"_col{place}"
            column.replace(exp.alias_(column.copy(), name, quoted=True))


def _double_literal(node: exp.Literal) -> exp.Expr:
    """1.5 is a double in SLS's Presto, a decimal in DuckDB, whose digits then differ.

    But DuckDB's approximate percentiles take their percentage as a decimal.
    """
    is_decimal = not node.is_string and re.fullmatch(r"\d*\.\d*", node.name)
    if not is_decimal or node.find_ancestor(exp.ApproxQuantile):
        return node
    return exp.Literal.number(f"{node.name}e0")


def _division(node: exp.Div) -> exp.Expr:
    """`//` divides integers as integers and doubles as doubles, as Presto's `/`.

    Only a double by zero differs, infinity in Presto and an error here, so what shows itself to be a
    double keeps the `/` that knows infinity.
    """
    if any(is_double(operand) for operand in (node.this, node.expression)):
        return exp.Div(this=node.this, expression=node.expression)
    return exp.IntDiv(this=node.this, expression=node.expression)


def _json_extract(node: exp.JSONExtract) -> exp.Expr:
    """What is no JSON has no value in Presto and is an error in DuckDB."""
    node.set("this", call("presto_json", node.this))
    return node


def _json_extract_scalar(node: exp.JSONExtractScalar) -> exp.Expr:
    return call("presto_json_scalar", node.this, node.expression)


def _regexp_replace(node: exp.RegexpReplace) -> exp.Expr:
    """A group is `$1` in Presto's replacements and `\\1` in DuckDB's."""
    replacement = node.args.get("replacement")
    if isinstance(replacement, exp.Literal):
        text = re.sub(r"\$(\d)", r"\\\1", replacement.name)
        node.set("replacement", exp.Literal.string(text))
    return node


def _array_size(node: exp.ArraySize) -> exp.Expr:
    maps = ("presto_map_agg", "presto_split_to_map", "histogram")
    inner = node.this
    is_map = isinstance(inner, exp.Map) or (isinstance(inner, exp.Anonymous) and inner.this in maps)
    return call("cardinality", inner) if is_map else node


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: _double_literal,
    exp.Div: _division,
    exp.JSONExtract: _json_extract,
    exp.JSONExtractScalar: _json_extract_scalar,
    exp.RegexpReplace: _regexp_replace,
    exp.ArraySize: _array_size,
}
