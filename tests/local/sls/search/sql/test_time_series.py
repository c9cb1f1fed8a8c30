"""time_series gives every window a row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.local.sls.search.conftest import log

Rows = Callable[..., list[dict[str, str]]]
Refusal = Callable[..., str]

LOGS = [log(second, count=count) for second, count in ((0, "2"), (30, "4"), (180, "8"))]


@pytest.mark.parametrize(
    ("padding", "numbers"),
    [
        ("0", ["6", "0", "0", "8"]),
        ("null", ["6", "null", "null", "8"]),
        ("last", ["6", "6", "6", "8"]),
        ("next", ["6", "8", "8", "8"]),
        ("avg", ["6", "7.0", "7.0", "8"]),
    ],
)
def test_a_gap_is_padded(select: Rows, padding: str, numbers: list[str]) -> None:
    """With 0, null, the last or next value, or their average [doc Date and time functions]."""
    rows = select(
        f"select time_series(__time__, '1m', '%H:%i', '{padding}') as t, sum(count) as n group by t", *LOGS
    )
    assert rows == [{"t": f"08:0{minute}", "n": number} for minute, number in enumerate(numbers)]


def test_a_limit_counts_the_padded_rows(select: Rows) -> None:
    """And without one there are 100."""
    sql = (
        "select time_series(__time__, '1s', '%i:%s', '0') as t, count(*) as n from log group by t order by t"
    )
    assert [len(select(sql + limit, *LOGS)) for limit in (" limit 3", "")] == [3, 100]


def test_days_begin_at_midnight_of_the_zone(select: Rows) -> None:
    """UTC+8: 1970-01-01 16:00 UTC is the second of January."""
    rows = select(
        "select time_series(__time__, '1d', '%m-%d', '0') as t, count(*) as n group by t order by t",
        log(57_599),
        log(57_600),
    )
    assert rows == [{"t": "01-01", "n": "1"}, {"t": "01-02", "n": "1"}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "time_series(__time__, '5', '%H', '0') as t, count(*) group by t",
            "time_series takes a time, a window",
        ),
        (
            "time_series(__time__, '0m', '%H', '0') as t, count(*) group by t",
            "time_series takes a time, a window",
        ),
        (
            "time_series(__time__, '5m', '%H', '1') as t, count(*) group by t",
            "time_series takes a time, a window",
        ),
        ("time_series(__time__, '5m', '%H', '0') as t group by t order by t desc", "descending order"),
        ("length(time_series(__time__, '5m', '%H', '0'))", "one column of the outermost SELECT"),
    ],
)
def test_a_faulty_time_series_is_refused(refusal: Refusal, sql: str, message: str) -> None:
    """And so is what the vendor does not offer: another order, a place inside an expression."""
    assert message in refusal(f"* | select {sql}")


def test_more_than_one_row_in_a_window_is_refused(refusal: Refusal) -> None:
    """It is grouped by time alone."""
    sql = "* | select time_series(__time__, '1m', '%H', '0') as t, count, count(*) group by t, count"
    assert "grouped by time alone" in refusal(sql, *LOGS)
