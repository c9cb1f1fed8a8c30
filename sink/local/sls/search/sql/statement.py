"""Reading the SQL of a query, and refusing what it may not say.

One SELECT (or WITH, UNION) over `log` and nothing else: the database holds every other logstore too, and
DuckDB reads files. So tables are allowed by name, functions by being known, and everything that is not a
query is refused before anything runs. The texts are the vendor's where its documentation gives one
("Common log query and analysis errors", "SQL error center").
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.search.sql.dialect import MACRO_NAMES, Sls

LOG = "log"
ROW_LIMIT = 1_000_000
MADE_BY_PARSER = MACRO_NAMES | {"len", "list_filter", "list_reduce"}
FORBIDDEN = (exp.Placeholder, exp.Parameter, exp.SessionParameter, exp.Into, exp.ReadCSV)


def read_statement(sql: str) -> exp.Query:
    """Parse and check the SQL of a query. Raises SlsError: 400 ParameterInvalid."""
    if not re.match(r"[\s(]*(select|with)\b", sql, re.IGNORECASE):
        raise parameter_invalid(
            f"line 1:1: mismatched input '{_first_word(sql)}' expecting 'SELECT' or 'WITH'; "
            "only queries can be run here, neither SPL nor statements that change something"
        )
    statement = _parsed(sql)
    _refuse_foreign_tables(statement)
    _refuse_unknown_functions(statement)
    _refuse_too_many_rows(statement)
    _refuse_parameters(statement)
    return statement


def _first_word(sql: str) -> str:
    return (sql.split() or [""])[0]


def _parsed(sql: str) -> exp.Query:
    try:
        statements = sqlglot.parse(sql.rstrip().rstrip(";"), read=Sls)
    except ParseError as fault:
        raise _mismatched(fault) from fault
    except TokenError as fault:
        raise parameter_invalid(f"mismatched input: {fault}") from fault
    except RecursionError as fault:
        raise parameter_invalid("the statement is nested too deeply") from fault
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise parameter_invalid("mismatched input ';' expecting <EOF>: a query is one statement")
    return statements[0]


def _mismatched(fault: ParseError) -> SlsError:
    error = fault.errors[0] if fault.errors else {}
    where = f"line {error.get('line', 1)}:{error.get('col', 1)}"
    return parameter_invalid(
        f"{where}: mismatched input '{error.get('highlight', '')}': {error.get('description', fault)}"
    )


def _refuse_foreign_tables(statement: exp.Query) -> None:
    known = {LOG} | {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    for table in statement.find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.args.get("db")
        if not plain or table.name.lower() not in known:
            raise parameter_invalid(
                f"LogStore ({table.sql('presto')}) is not found; the only table here is {LOG}, "
                "this logstore: other logstores, external stores and files cannot be read"
            )


def _refuse_unknown_functions(statement: exp.Query) -> None:
    for function in statement.find_all(exp.Anonymous):
        if str(function.this) not in MADE_BY_PARSER:
            raise parameter_invalid(
                f"Function {str(function.this).lower()} not registered; the embedded cloud does not serve it"
            )


def _refuse_parameters(statement: exp.Query) -> None:
    names = (name for name in statement.find_all(exp.Identifier) if not name.args.get("quoted"))
    variables = (name for name in names if name.name.startswith("$"))
    for node in (*statement.find_all(*FORBIDDEN), *variables):
        raise parameter_invalid(
            f"mismatched input '{node.sql('presto')}': SQL has no parameters here, and writes no tables"
        )


def _refuse_too_many_rows(statement: exp.Query) -> None:
    limit = statement.args.get("limit")
    if limit is not None and limit.expression.name.isdigit() and int(limit.expression.name) > ROW_LIMIT:
        raise parameter_invalid(f"reading data with pagination only allow reading max {ROW_LIMIT}")
