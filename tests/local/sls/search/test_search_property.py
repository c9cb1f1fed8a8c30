"""Any search finds what a plain reading of it finds: generated, printed, parsed, and run by DuckDB."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.search.queries import LogQuery
from sink.local.sls.search.syntax import parse_search
from sink.local.sls.search.tree import And, Not, Or, Range, Search, Term

INDEX = {
    "line": {"token": [" ", "/"]},
    "keys": {
        "a": {"type": "text", "token": [" ", "/"]},
        "b": {"type": "text", "token": ["-"], "caseSensitive": True},
        "n": {"type": "long"},
    },
}
DELIMITERS = {None: r"[ /]+", "a": r"[ /]+", "b": r"-+"}

values = st.text("xsXS /-", max_size=8)
logs = st.builds(
    lambda time, fields: StoredLog(time, tuple(fields.items())),
    st.integers(100, 5000),
    st.fixed_dictionaries({}, optional={"a": values, "b": values, "n": st.integers(-3, 3).map(str) | values}),
)
terms = st.builds(
    lambda key, text, phrase: Term(key, tuple(text), phrase),
    st.sampled_from([None, "a", "b"]),
    st.text("xsXS /-", min_size=1, max_size=5).filter(lambda text: re.search("[xsXS]", text)),
    st.booleans(),
)
bounds = st.none() | st.integers(-3, 3)
ranges = st.builds(Range, st.just("n"), bounds, bounds, st.booleans(), st.booleans())
searches = st.recursive(
    terms | ranges,
    lambda parts: (
        st.builds(Not, parts)
        | st.builds(lambda several: And(tuple(several)), st.lists(parts, min_size=2, max_size=3))
        | st.builds(lambda several: Or(tuple(several)), st.lists(parts, min_size=2, max_size=3))
    ),
    max_leaves=6,
)


def printed(search: Search) -> str:
    match search:
        case And(parts):
            return "(" + " and ".join(printed(part) for part in parts) + ")"
        case Or(parts):
            return "(" + " or ".join(printed(part) for part in parts) + ")"
        case Not(part):
            return f"(not {printed(part)})"
        case Range(key, low, high, low_closed, high_closed):
            ends = ("*" if low is None else low, "*" if high is None else high)
            return f"{key} in {'[' if low_closed else '('}{ends[0]} {ends[1]}{']' if high_closed else ')'}"
        case Term(key, glyphs, phrase):
            return (
                (f"{key}:" if key else "") + ("#" if phrase else "") + '"' + "".join(map(str, glyphs)) + '"'
            )


def words(text: str, key: str | None) -> list[str]:
    return [word for word in re.split(DELIMITERS[key], text if key == "b" else text.lower()) if word]


def holds(search: Search, log: StoredLog) -> bool:
    fields = dict(log.contents)
    match search:
        case And(parts):
            return all(holds(part, log) for part in parts)
        case Or(parts):
            return any(holds(part, log) for part in parts)
        case Not(part):
            return not holds(part, log)
        case Range():
            return in_range(search, fields.get("n", ""))
        case Term(None, glyphs, phrase):
            asked = words("".join(map(str, glyphs)), None)
            texts = [words(text, None) for item in log.contents for text in item]
            return (
                any(side_by_side(asked, text) for text in texts)
                if phrase
                else all(any(word in text for text in texts) for word in asked)
            )
    key = search.key or ""
    asked, text = words(search.text, key), words(fields.get(key, ""), key)
    return key in fields and (side_by_side(asked, text) if search.phrase else set(asked) <= set(text))


def in_range(search: Range, text: str) -> bool:
    if not re.fullmatch(r"-?\d+", text):
        return False
    number = int(text)
    above = search.low is None or number > search.low or (search.low_closed and number == search.low)
    below = search.high is None or number < search.high or (search.high_closed and number == search.high)
    return above and below


def side_by_side(asked: list[str], text: list[str]) -> bool:
    return any(text[place : place + len(asked)] == asked for place in range(len(text)))


several = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@several
@given(searches)
def test_a_printed_search_is_read_as_it_was_meant(search: Search) -> None:
    """What was read and printed is read as the same again."""
    read = parse_search(printed(search))
    assert parse_search(printed(read)) == read


@several
@given(searches, st.lists(logs, max_size=8))
def test_a_search_finds_what_a_plain_reading_finds(
    shared: SearchEngine, search: Search, stored: list[StoredLog]
) -> None:
    """Over all operators, words, phrases and ranges, on random logs."""
    filled(shared, stored)
    rows = shared.get_logs(1, LogQuery(0, 10_000, printed(search))).rows
    expected = [log.contents for log in sorted(stored, key=lambda log: log.time) if holds(search, log)]
    assert [contents_of(row) for row in rows] == [dict(contents) for contents in expected]


@several
@given(searches, st.lists(logs, max_size=12), st.integers(1, 5), st.booleans())
def test_pages_add_up_to_the_whole(
    shared: SearchEngine, search: Search, stored: list[StoredLog], line: int, reverse: bool
) -> None:
    """Whatever the page size, in both directions, without a log twice or missing."""
    filled(shared, stored)
    query = printed(search)
    whole = shared.get_logs(1, LogQuery(0, 10_000, query, reverse=reverse)).rows
    pages = [
        row
        for offset in range(0, len(stored) + line, line)
        for row in shared.get_logs(1, LogQuery(0, 10_000, query, None, line, offset, reverse)).rows
    ]
    assert pages == whole


@several
@given(searches, st.lists(logs, max_size=12), st.integers(0, 3000), st.integers(1, 3000))
def test_a_histogram_counts_what_the_search_finds(
    shared: SearchEngine, search: Search, stored: list[StoredLog], from_: int, span: int
) -> None:
    """The bars are side by side from the beginning to the end, and sum up to the number of logs found."""
    filled(shared, stored)
    bars = shared.histogram(1, from_, from_ + span, printed(search))
    rows = shared.get_logs(1, LogQuery(from_, from_ + span, printed(search))).rows
    edges = [bar.from_ for bar in bars] + [from_ + span]
    assert (sum(bar.count for bar in bars), edges) == (len(rows), [from_] + [bar.to for bar in bars])


def filled(engine: SearchEngine, stored: list[StoredLog]) -> None:
    engine.drop(1)
    engine.define(1, IndexConfig.from_json(INDEX))
    engine.append(1, stored, 1)


def contents_of(row: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in row.items() if not key.startswith("__")}
