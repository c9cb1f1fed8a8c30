"""Values as SLS shows them: every one of an answer is text.

Presto's own text of a value, JSON for arrays, maps and rows, `null` for what is missing. Doubles read as
Java writes them, 1.0E7 and not 10000000.0, because that is what clients of the service have learnt to read.
Times have milliseconds and no zone: they are in UTC+8 already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

TYPE_NAMES = {
    "HUGEINT": "bigint",
    "UBIGINT": "bigint",
    "UHUGEINT": "bigint",
    "INTEGER": "integer",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BLOB": "varbinary",
}


def type_name(duckdb_type: str) -> str:
    """Presto's name of a DuckDB type."""
    if duckdb_type.endswith("[]"):
        return f"array({type_name(duckdb_type[:-2])})"
    if duckdb_type.startswith("MAP("):
        key, _, value = duckdb_type[4:-1].partition(", ")
        return f"map({type_name(key)}, {type_name(value)})"
    if duckdb_type.startswith(("STRUCT(", "TUPLE(")):
        return "row"
    return TYPE_NAMES.get(duckdb_type, duckdb_type.strip('"').lower())


def rendered(value: Any, duckdb_type: str) -> str:
    """The text of one value of an answer."""
    match value:
        case None:
            return "null"
        case str():
            return value
        case list() | tuple() | dict():
            return orjson.dumps(_json(value, duckdb_type), option=orjson.OPT_NON_STR_KEYS).decode()
        case _:
            return _scalar(value)


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return java_double(value)
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
        case date() | Decimal() | int():
            return str(value)
        case timedelta():
            return _interval(value)
        case bytes():
            return value.hex(" ")
        case _:
            return str(value)


def java_double(value: float) -> str:
    """A double as Java's Double.toString writes it.

    >>> java_double(12345678.0), java_double(0.5), java_double(1e-4)
    ('1.2345678E7', '0.5', '1.0E-4')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(value, "f") if "e" in repr(value) else repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(digits) - 1}"


def _json(value: Any, duckdb_type: str) -> Any:
    """What orjson writes for an array, a map, or a row, which Presto shows as an array."""
    match value:
        case Mapping() if duckdb_type.startswith("STRUCT("):
            return [_json(item, "") for item in value.values()]
        case Mapping():
            return {str(key): _json(item, "") for key, item in value.items()}
        case list() | tuple():
            return [_json(item, duckdb_type.removesuffix("[]")) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return _scalar(value)


def _interval(value: timedelta) -> str:
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{value.days} {hours:02d}:{minutes:02d}:{seconds:02d}.{value.microseconds // 1000:03d}"
