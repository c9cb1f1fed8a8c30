"""SQL sees the indexed keys of the logs found, and says so when it is asked for others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sink.local.sls.errors import SlsError
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.search.queries import LogQuery
from tests.local.sls.search.conftest import INDEX, log, text

Rows = Callable[..., list[dict[str, str]]]
Refusal = Callable[..., str]

LOGS = [
    log(
        100, name="Disk:Stalled", count="1", cost="0.5", content='{"state": "Running", "disk": {"size": 40}}'
    ),
    log(200, name="Instance:StateChange", count="2", cost="x"),
    log(300, name="Instance:StateChange", count="many", cost="1.5"),
]


WORDS = """select from log where group by order limit ( ) , * count name cost 'x' "y" 1 1.5 + / = > in not
null as with over case when then end union"""


def test_keys_have_the_types_of_the_index(select: Rows) -> None:
    """text varchar, long bigint, double double; what is no number is null; leaves of json by their path."""
    rows = select(
        'select name, count, cost, "content.state", "content.disk.size" + 1 as size, disk_size', *LOGS[:2]
    )
    assert [list(row.values()) for row in rows] == [
        ["Disk:Stalled", "1", "0.5", "Running", "41", "40"],
        ["Instance:StateChange", "2", "null", "null", "null", "null"],
    ]


def test_what_every_log_has_needs_no_index(select: Rows) -> None:
    """`__time__` is a bigint, `__topic__` and `__source__` are varchar."""
    logs = [StoredLog(100, (), topic="event", source="10.0.0.1")]
    assert select("select __time__ + 1 as t, __topic__, __source__", *logs) == [
        {"t": "101", "__topic__": "event", "__source__": "10.0.0.1"}
    ]


def test_a_tag_is_a_column_once_it_is_indexed(select: Rows) -> None:
    """`"__tag__:host"` [doc: identifiers must not contain ':' without quotes]."""
    logs = [StoredLog(100, (), tags=(("host", "web"),))]
    rows = select('select "__tag__:host" as host', *logs, index={"keys": {"__tag__:host": text()}})
    assert rows == [{"host": "web"}]


@pytest.mark.parametrize(
    "sql", ["select region", "select region from log", "select count(region)", "select log.region from log"]
)
def test_a_key_without_an_index_is_refused(refusal: Refusal, sql: str) -> None:
    """The vendor's text."""
    assert refusal(f"* | {sql}", *LOGS) == (
        "Column 'region' cannot be resolved;please add the column in the index attribute"
    )


def test_a_key_without_doc_value_is_refused(refusal: Refusal) -> None:
    """It can be searched, not analysed."""
    assert refusal("* | select secret") == (
        "Column 'secret' cannot be resolved;please add the column in the index attribute"
    )


def test_a_text_in_double_quotes_is_told_apart(refusal: Refusal) -> None:
    """The vendor's text for the commonest slip."""
    assert refusal('* | select name from log where name = "Disk"') == (
        "Column 'Disk' cannot be resolved; it seems Disk is wrapper by \";"
        "if Disk is a string ,not a key field, please use 'Disk'"
    )


def test_a_column_out_of_its_group_is_refused(refusal: Refusal) -> None:
    """The vendor's text."""
    assert refusal("* | select name, count, count(*) group by name") == (
        "Column 'count' not in GROUP BY clause;please add the column in the index attribute"
    )


def test_a_nested_query_needs_its_from(refusal: Refusal) -> None:
    """Only the outermost may leave it out: the vendor's text."""
    assert refusal("* | select n from (select name as n)") == (
        "you are using nested sql, please specify FROM LOGSTORE in the innermost sql"
    )


@pytest.mark.parametrize("comparison", ["name = 1", "name > 1.5", "1 <> name", "count = '1'", "cost <= '1'"])
def test_a_text_is_not_compared_with_a_number(refusal: Refusal, comparison: str) -> None:
    """As in Presto, whatever the values; a cast helps."""
    assert "cannot be applied to" in refusal(f"* | select name where {comparison}")


def test_a_name_given_anew_may_have_another_kind(select: Rows) -> None:
    """The check is about the keys, not about what a statement calls by their names."""
    rows = select("select name from (select count(*) as name from log) where name = 3", *LOGS)
    assert rows == [{"name": "3"}]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*) as n", [["3"]]),
        (
            "select count(1) as pv, name group by name order by pv desc",
            [["2", "Instance:StateChange"], ["1", "Disk:Stalled"]],
        ),
        ("select name, count(*) as n from log group by name having n > 1", [["Instance:StateChange", "2"]]),
        ("select distinct name from log order by name limit 1", [["Disk:Stalled"]]),
        ("select __time__ from log order by __time__ limit 1, 2", [["200"], ["300"]]),
        ("select count order by count desc", [["2"], ["1"], ["null"]]),
        ("select max_by(name, cost), min_by(name, cost)", [["Instance:StateChange", "Disk:Stalled"]]),
        ("select map_agg(name, __time__)", [['{"Disk:Stalled":100,"Instance:StateChange":200}']]),
        ("select histogram(name)", [['{"Disk:Stalled":1,"Instance:StateChange":2}']]),
        ("select approx_distinct(name), approx_percentile(__time__, 0.5)", [["2", "200"]]),
        ("select array_agg(distinct name order by name)", [['["Disk:Stalled","Instance:StateChange"]']]),
        ("select count_if(cost > 1), sum(if(cost > 1, 1, 0)), bool_or(cost > 1)", [["1", "1", "true"]]),
        ("select count(*) filter (where count > 1) as n", [["1"]]),
        ("select sum(count) / count(*), avg(count)", [["1", "1.5"]]),
        (
            "select name, n from (select name, count(*) as n from log group by name) where n > 1",
            [["Instance:StateChange", "2"]],
        ),
        ("with a as (select name from log) select count(*) as n from a", [["3"]]),
        ("with log as (select 7 as x) select x from log", [["7"]]),
        ("select count(*) as n from log a join log b on a.name = b.name", [["5"]]),
        ("select name from log union select 'x' order by 1 limit 1", [["Disk:Stalled"]]),
        ("select x from log cross join unnest(array[1, 2]) as t(x) order by x limit 1", [["1"]]),
        (
            "select lag(__time__) over (order by __time__) as last from log order by __time__",
            [["null"], ["100"], ["200"]],
        ),
        (
            "select case when cost > 0 then 1 else 0 end as c, count(*) as n group by c order by c",
            [["0", "1"], ["1", "2"]],
        ),
        (
            "select n.name from log as n where exists (select 1 from log m where m.count > n.count)",
            [["Disk:Stalled"]],
        ),
    ],
)
def test_a_query(select: Rows, sql: str, rows: list[list[str]]) -> None:
    """FROM and WHERE may be missing, an alias may be grouped by, and every value is text."""
    assert [list(row.values()) for row in select(sql, *LOGS)] == rows


def test_there_are_100_rows_without_a_limit(select: Rows) -> None:
    """And as many as asked for with one."""
    logs = [log(second) for second in range(1, 131)]
    assert [len(select(f"select __time__ from log{limit}", *logs)) for limit in ("", " limit 120")] == [
        100,
        120,
    ]


def test_columns_are_called_as_they_are_written(select: Rows) -> None:
    """What has no name is called by its place, as in Presto."""
    row = select("select count(*), NAME, max(cost) as 最高, 1 group by name", LOGS[0])[0]
    assert list(row) == ["_col0", "NAME", "最高", "_col3"]


def test_a_star_is_every_column(select: Rows) -> None:
    """The keys with doc_value, their aliases, and what every log has."""
    row = select("select * from log", LOGS[0])[0]
    assert [name in row for name in ("name", "event_name", "content.state", "__time__", "secret")] == [
        True
    ] * 4 + [False]


def test_keys_that_differ_by_case_alone_are_told_apart(select: Rows) -> None:
    """Where both are indexed each is its own; elsewhere case does not matter."""
    rows = select(
        "select State, state", log(state="a", State="b"), index={"keys": {"state": text(), "State": text()}}
    )
    assert rows == [{"State": "b", "state": "a"}]


def test_the_search_part_chooses_the_logs(shared: SearchEngine) -> None:
    """And the time range does."""
    shared.drop(1)
    shared.define(1, IndexConfig.from_json(INDEX))
    shared.append(1, LOGS, 1)
    query = LogQuery(0, 300, 'name:"Instance:StateChange" | select count(*) as n')
    assert shared.get_logs(1, query).rows == [{"n": "1"}]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS.split()), max_size=14))
def test_any_sql_is_answered_or_refused(shared: SearchEngine, words: list[str]) -> None:
    """Whatever is typed, no fault but SlsError comes out."""
    shared.define(1, IndexConfig.from_json(INDEX))
    with suppress(SlsError):
        shared.get_logs(1, LogQuery(0, 1000, "* | select " + " ".join(words)))
