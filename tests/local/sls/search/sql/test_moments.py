"""Times: seconds since the epoch are taken for them, in UTC+8, and counted as Presto counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.local.sls.search.conftest import log

Rows = Callable[..., list[dict[str, str]]]

MOMENT = 1494985275
"""2017-05-17 09:41:15 in UTC+8, a Wednesday."""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("from_unixtime(0)", "1970-01-01 08:00:00.000"),
        ("from_unixtime(__time__)", "2017-05-17 09:41:15.000"),
        ("from_unixtime(1494985275, 'UTC')", "2017-05-17 01:41:15.000"),
        ("from_unixtime(count / 1000)", "2017-05-17 09:41:15.000"),
        ("to_unixtime(from_unixtime(1494985275))", "1.494985275E9"),
        ("to_unixtime(date_parse('2017-05-17 09:41:15', '%Y-%m-%d %H:%i:%S'))", "1.494985275E9"),
        ("date_trunc('hour', __time__)", "2017-05-17 09:00:00.000"),
        ("date_trunc('hour', __time__ - __time__ % 60)", "2017-05-17 09:00:00.000"),
        ("date_trunc('day', from_unixtime(__time__))", "2017-05-17 00:00:00.000"),
        ("date_trunc('week', __time__)", "2017-05-15 00:00:00.000"),
        ("date_trunc('month', '2001-08-22 03:04:05')", "2001-08-01 00:00:00.000"),
        ("date_trunc('quarter', timestamp '2001-08-22 03:04:05')", "2001-07-01 00:00:00.000"),
        ("date_trunc('month', date '2001-08-22')", "2001-08-01"),
        ("date_format(__time__, '%Y-%m-%d %H:%i:%s')", "2017-05-17 09:41:15"),
        ("date_format(count / 1000, '%H:%i')", "09:41"),
        (
            "date_format(from_unixtime(__time__), '%W %M %e %j %p %h %y %b %a')",
            "Wednesday May 17 137 AM 09 17 May Wed",
        ),
        ("date_format('2017-05-17 09:41:15', '%T')", "09:41:15"),
        ("date_parse('20170517', '%Y%m%d')", "2017-05-17 00:00:00.000"),
        ("format_datetime(from_unixtime(0), 'yyyy-MM-dd HH:mm:ss')", "1970-01-01 08:00:00"),
        ("to_iso8601(from_unixtime(0))", "1970-01-01T08:00:00.000+08:00"),
        ("from_iso8601_timestamp('1970-01-01T00:00:00Z')", "1970-01-01 08:00:00.000"),
        ("hour(__time__)", "9"),
        ("extract(hour from from_unixtime(__time__))", "9"),
        ("day_of_week(date '2020-01-05')", "7"),
        ("week(date '2020-01-05')", "1"),
        ("yow(date '2020-12-31')", "2020"),
        ("from_unixtime(0) at time zone 'UTC'", "1970-01-01 00:00:00.000"),
        ("current_timezone()", "Asia/Shanghai"),
        ("now()", "2017-05-17 09:41:15.000"),
        ("current_date", "2017-05-17"),
        ("cast(to_unixtime(now()) as bigint) - __time__", "0"),
    ],
)
def test_a_time(select: Rows, expression: str, value: str) -> None:
    """As the vendor's date functions page and Presto's say; now is the clock of the engine."""
    row = select(f"select {expression} as x", log(MOMENT, count=f"{MOMENT}000"))[0]
    assert row == {"x": value}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("date_diff('hour', timestamp '2020-01-01 10:59:00', timestamp '2020-01-01 11:01:00')", "0"),
        ("date_diff('hour', timestamp '2020-01-01 10:59:00', timestamp '2020-01-01 11:59:00')", "1"),
        ("date_diff('day', '2018-08-02 00:00:00', '2018-08-09 00:00:00')", "7"),
        ("date_diff('day', date '2020-03-01', date '2020-02-28')", "-2"),
        ("date_add('day', -7, '2018-08-09 00:00:00')", "2018-08-02 00:00:00.000"),
        ("date_add('hour', 1, from_unixtime(0))", "1970-01-01 09:00:00.000"),
        ("date_add('day', 1, date '2020-01-01')", "2020-01-02"),
        ("date '2020-01-01' + interval '1' day", "2020-01-02"),
        ("date '2020-01-01' - interval '1' month", "2019-12-01"),
        ("timestamp '2020-01-01 00:00:00' + interval '90' minute", "2020-01-01 01:30:00.000"),
    ],
)
def test_steps_and_differences_are_whole_units(select: Rows, expression: str, value: str) -> None:
    """date_diff counts full units, not the borders between; a date stays a date."""
    assert select(f"select {expression} as x") == [{"x": value}]


@pytest.mark.parametrize(
    "wrapped", ["max(__time__)", "min(__time__) + 0", "max(count) / 1000", "arbitrary(__time__)"]
)
def test_an_aggregate_of_seconds_is_a_time(select: Rows, wrapped: str) -> None:
    """`date_format(max(__time__), …)`: the last time something was seen."""
    logs = [log(MOMENT, count=f"{MOMENT}000")]
    assert select(f"select date_format({wrapped}, '%H:%i:%s') as x", *logs) == [{"x": "09:41:15"}]


@pytest.mark.parametrize(
    "inner", ["__time__", "from_unixtime(__time__)", "date_format(__time__, '%Y-%m-%d %H:%i:%s')"]
)
def test_a_column_of_a_subquery_is_looked_at_when_it_runs(select: Rows, inner: str) -> None:
    """Seconds, a timestamp, or the text of one."""
    rows = select(f"select hour(t) as x from (select {inner} as t from log)", log(MOMENT))
    assert rows == [{"x": "9"}]
