"""What SQL may say: one query over `log`, and nothing that reaches further."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sink.local.sls.errors import SlsError
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.search.queries import LogQuery
from sink.local.sls.search.sql.statement import read_statement
from tests.local.sls.search.conftest import INDEX

Rows = Callable[..., list[dict[str, str]]]


@pytest.mark.parametrize(
    "sql",
    [
        "drop table log",
        "insert into log values (1)",
        "delete from log",
        "create table x as select 1",
        "attach 'x.duckdb'",
        "copy log to 'x.csv'",
        "pragma database_list",
        "set threads = 1",
        "explain select 1",
        "show tables",
        "describe log",
        "call x()",
        "where count > 1",
        "",
    ],
)
def test_only_a_query_is_run(sql: str) -> None:
    """Everything else is refused before DuckDB sees it."""
    with pytest.raises(SlsError, match="expecting 'SELECT' or 'WITH'"):
        read_statement(sql)


@pytest.mark.parametrize(
    "table",
    [
        "store_2",
        "stores",
        "main.store_2",
        "information_schema.tables",
        "duckdb_tables",
        "duckdb_settings()",
        "read_csv('/etc/passwd')",
        "read_text('/etc/passwd')",
        "'x.csv'",
        '"x.parquet"',
        "query('select 1')",
        "query_table('store_2')",
        "sqlite_master",
        "sls_log",
    ],
)
@pytest.mark.parametrize(
    "sql", ["select * from {0}", "select 1 from log, {0}", "select (select count(*) from {0})"]
)
def test_no_table_but_log_is_read(table: str, sql: str) -> None:
    """Neither another logstore nor a file nor the catalogue."""
    with pytest.raises(SlsError, match="is not found"):
        read_statement(sql.format(table))


def test_a_with_opens_no_other_logstore(shared: SearchEngine) -> None:
    """A name given by a WITH is unknown out of its reach, even if a table has it."""
    shared.define(2, IndexConfig.from_json(INDEX))
    shared.define(3, IndexConfig.from_json(INDEX))
    shared.append(3, [StoredLog(100, (("name", "secret"),))], 1)
    sql = "* | select * from store_3, (with store_3 as (select 1 as one) select * from store_3) x"
    with pytest.raises(SlsError, match=r"^LogStore \(store_3\) is not found$"):
        shared.get_logs(2, LogQuery(0, 1000, sql))


@pytest.mark.parametrize("sql", ["select ?", "select $from", "select :name", "select $1", "select @@version"])
def test_parameters_are_refused(sql: str) -> None:
    """There is nobody to fill them."""
    with pytest.raises(SlsError, match="mismatched input"):
        read_statement(sql)


def test_a_second_statement_is_refused() -> None:
    """One at a time; a semicolon at the end does no harm."""
    read_statement("select 1;")
    with pytest.raises(SlsError, match="a query is one statement"):
        read_statement("select 1; select 2")


@pytest.mark.parametrize("sql", ["select count(", "select a b c", "select 'open", "select from where"])
def test_a_syntax_error_tells_where(sql: str) -> None:
    """400 ParameterInvalid."""
    with pytest.raises(SlsError, match="mismatched input") as refused:
        read_statement(sql)
    assert (refused.value.status, refused.value.code) == (400, "ParameterInvalid")


def test_a_statement_that_is_nested_too_deeply_is_refused() -> None:
    """Instead of a stack overflow."""
    with pytest.raises(SlsError, match="nested too deeply"):
        read_statement("select " + "(" * 3000 + "1" + ")" * 3000)


def test_no_more_than_a_million_rows_are_asked_for() -> None:
    """The vendor's limit and text."""
    read_statement("select name from log limit 1000000")
    with pytest.raises(SlsError, match=r"^reading data with pagination only allow reading max 1000000$"):
        read_statement("select name from log limit 1000001")
