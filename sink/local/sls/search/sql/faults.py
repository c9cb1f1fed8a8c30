"""DuckDB's and sqlglot's faults in SLS's words.

Every fault of a user's statement is 400 ParameterInvalid. Those that the vendor documents get its text
("Common log query and analysis errors", "SQL error center"); the rest keep DuckDB's first line, which says
what is wrong well enough, without the excerpt of a statement that the user never wrote.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import duckdb
from sqlglot.errors import SqlglotError

from sink.local.sls.errors import SlsError, parameter_invalid

FAULTS = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.InternalError,
    duckdb.OutOfMemoryException,
    SqlglotError,
)
"""What running a statement may raise for a fault of the statement; a faulty disk is not among them."""

NESTED = "you are using nested sql, please specify FROM LOGSTORE in the innermost sql"
UNRESOLVED = "Column '{0}' cannot be resolved;please add the column in the index attribute"
UNRESOLVED_QUOTED = (
    "Column '{0}' cannot be resolved; it seems {0} is wrapper by \";"
    "if {0} is a string ,not a key field, please use '{0}'"
)
TEXTS = (
    (r"FROM clause is missing", NESTED),
    (r'[Cc]olumn "([^"]+)" must appear in the GROUP BY',
     "Column '{0}' not in GROUP BY clause;please add the column in the index attribute"),
    (r'Referenced column "([^"]+)"', UNRESOLVED),
    (r'Column "([^"]+)" referenced that exists in the SELECT', UNRESOLVED),
    (r'does not have a column named "([^"]+)"', UNRESOLVED),
    (r"Table with name with (\w+) does not exist", "LogStore ({0}) is not found"),
    (r"Function with name (\w+) does not exist",
     "Function {0} not registered; the embedded cloud does not serve it"),
    (r"argument types '(?:presto_)?(\w+)\((.*?)\)'", "Unexpected parameters ({1}) for function {0}"),
    (r"Macro (?:presto_)?(\w+)\(\) does not support", "Unexpected parameters for function {0}"),
    (r"Could not convert string '(.*)' to INT64", "Can not cast '{0}' to BIGINT"),
    (r"Could not convert string '(.*)' to INT32", "Can not cast '{0}' to INTEGER"),
    (r"Could not convert string '(.*)' to (\w+)", "Can not cast '{0}' to {1}"),
    (r"Division by zero", "Division by zero"),
    (r"Out of Memory", "Query exceeded max memory size; narrow the time range or the GROUP BY"),
)  # fmt: skip


def sql_fault(fault: Exception, quoted: Collection[str]) -> SlsError:
    """The vendor's answer to a fault; `quoted` are the names that stand in double quotes."""
    message = str(fault)
    for pattern, text in TEXTS:
        found = re.search(pattern, message)
        if found:
            asks_for_string = text == UNRESOLVED and found[1] in quoted
            return parameter_invalid((UNRESOLVED_QUOTED if asks_for_string else text).format(*found.groups()))
    return parameter_invalid(re.sub(r"^[\w ]+ Error: ", "", message.splitlines()[0]))
