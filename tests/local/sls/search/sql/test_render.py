"""Values read as Java's Presto writes them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.search.sql.render import java_double, rendered, type_name


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (None, "VARCHAR", "null"),
        ("", "VARCHAR", ""),
        (True, "BOOLEAN", "true"),
        (7, "BIGINT", "7"),
        (2.0, "DOUBLE", "2.0"),
        (Decimal("1.50"), "DECIMAL(10,2)", "1.50"),
        (datetime(2017, 5, 17, 9, 41, 15, 120_000), "TIMESTAMP", "2017-05-17 09:41:15.120"),
        (date(2017, 5, 17), "DATE", "2017-05-17"),
        (timedelta(days=1, minutes=90), "INTERVAL", "1 01:30:00.000"),
        (["a", None, 1.0], "VARCHAR[]", '["a",null,1.0]'),
        ({"a": [1]}, "MAP(VARCHAR, INTEGER[])", '{"a":[1]}'),
        ({1: "a"}, "MAP(INTEGER, VARCHAR)", '{"1":"a"}'),
        ({"_0": 1, "_1": "a"}, "STRUCT(_0 INTEGER, _1 VARCHAR)", '[1,"a"]'),
        ([date(2020, 1, 1)], "DATE[]", '["2020-01-01"]'),
    ],
)
def test_a_value_is_shown(value: Any, type_: str, text: str) -> None:
    """JSON for what has parts, Presto's text for the rest."""
    assert rendered(value, type_) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.5, "-0.5"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-1.494985275e9, "-1.494985275E9"),
        (1e300, "1.0E300"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_a_double_is_shown_as_java_writes_it(value: float, text: str) -> None:
    """With an exponent outside [0.001, 10 000 000)."""
    assert java_double(value) == text


@given(st.floats(allow_nan=False))
def test_a_shown_double_is_the_same_when_read(value: float) -> None:
    """No digit is lost."""
    assert float(java_double(value)) == value


@pytest.mark.parametrize(
    ("duckdb_type", "name"),
    [
        ("VARCHAR", "varchar"),
        ("HUGEINT", "bigint"),
        ("DOUBLE", "double"),
        ("TIMESTAMP", "timestamp"),
        ("BIGINT[]", "array(bigint)"),
        ("MAP(VARCHAR, UBIGINT)", "map(varchar, bigint)"),
        ("STRUCT(a INTEGER)", "row"),
    ],
)
def test_a_type_has_prestos_name(duckdb_type: str, name: str) -> None:
    """In `columnTypes` of an answer."""
    assert type_name(duckdb_type) == name
