"""The search part of a query is read by the vendor's grammar, and refused in the vendor's words."""

from __future__ import annotations

import pytest

from sink.local.sls.errors import SlsError
from sink.local.sls.search.syntax import parse_search, split_query
from sink.local.sls.search.tree import EVERYTHING, And, Not, Or, Range, Search, Term, Wildcard


def word(text: str, key: str | None = None) -> Term:
    return Term(key, tuple(text))


A, B, C, D = word("a"), word("b"), word("c"), word("d")


@pytest.mark.parametrize("query", ["", " ", "*"])
def test_a_star_or_nothing_is_every_log(query: str) -> None:
    """`*` or a space sets no condition [doc Search syntax]."""
    assert parse_search(query) == EVERYTHING


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("a b", And((A, B))),
        ("a and b AND c", And((A, B, C))),
        ("a or b", Or((A, B))),
        ("a Or b oR c", Or((A, B, C))),
        ("not a", Not(A)),
        ("a not b", And((A, Not(B)))),
        ("a and not b", And((A, Not(B)))),
        ("(a)", A),
    ],
)
def test_operators_join_words(query: str, search: Search) -> None:
    """In any case; without an operator it is and; `a not b` is a without b."""
    assert parse_search(query) == search


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("a b or c d", Or((And((A, B)), And((C, D))))),
        ("a or b and c", Or((A, And((B, C))))),
        ("not a and b", Not(And((A, B)))),
        ("a not b c", And((A, Not(And((B, C)))))),
        ("a not b or c", Or((And((A, Not(B))), C))),
        ("(not a) and b", And((Not(A), B))),
        ("a and (b or c)", And((A, Or((B, C))))),
        ("not (a or b)", Not(Or((A, B)))),
    ],
)
def test_and_binds_before_not_before_or(query: str, search: Search) -> None:
    """Precedence: : then " then () then and then not then or [doc Search syntax]."""
    assert parse_search(query) == search


@pytest.mark.parametrize(
    ("query", "term"),
    [
        ("k:v", word("v", "k")),
        ("k : v", word("v", "k")),
        ('"my key":v', word("v", "my key")),
        ('k:"x y"', word("x y", "k")),
        ('k:#"x y"', Term("k", tuple("x y"), phrase=True)),
        ('#"x y"', Term(None, tuple("x y"), phrase=True)),
        ('k:""', Term("k", ())),
        ("k:*", Term("k", (Wildcard.ANY,))),
        ("a.b-c/d:1", word("1", "a.b-c/d")),
        ("__tag__:__hostname__:x", word("x", "__tag__:__hostname__")),
        ('__tag__:"a b":"c d"', word("c d", "__tag__:a b")),
        ("__topic__:event", word("event", "__topic__")),
        ("实例:停止", word("停止", "实例")),
    ],
)
def test_a_colon_makes_a_field(query: str, term: Term) -> None:
    """Key and value may be quoted; `#"…"` is a phrase; a tag has a key of its own."""
    assert parse_search(query) == term


@pytest.mark.parametrize(
    ("query", "term"),
    [
        ("i-?", Term(None, ("i", "-", Wildcard.ONE))),
        (r"a\*b", word("a*b")),
        ('"a*b"', word("a*b")),
        (r"k:a\"b", word('a"b', "k")),
        (r'"say \"hi\""', word('say "hi"')),
        (r"a\:b", word("a:b")),
        ("it's", word("it's")),
        ("a#b", word("a#b")),
    ],
)
def test_quotes_and_backslashes_take_a_mark_literally(query: str, term: Term) -> None:
    """A wildcard in quotes or behind a backslash is a character."""
    assert parse_search(query) == term


@pytest.mark.parametrize("query", ["android", "nothing", "order", "inside", "andy:x"])
def test_a_keyword_inside_a_word_is_no_operator(query: str) -> None:
    """Operators stand alone."""
    assert isinstance(parse_search(query), Term)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("n>1", Range("n", 1, None, low_closed=False)),
        ("n >= -1.5", Range("n", -1.5, None)),
        ("n<2", Range("n", None, 2, high_closed=False)),
        ("n <= 1e3", Range("n", None, 1000.0)),
        ("n = 5", Range("n", 5, 5)),
        ("n in [1 2]", Range("n", 1, 2)),
        ("n in (1 2)", Range("n", 1, 2, low_closed=False, high_closed=False)),
        ("n in [1 2)", Range("n", 1, 2, high_closed=False)),
        ("n in (* 2]", Range("n", None, 2, low_closed=False)),
        ("n in [1 *]", Range("n", 1, None)),
        ("n > 9007199254740993", Range("n", 9007199254740993, None, low_closed=False)),
    ],
)
def test_ranges_have_open_closed_and_missing_bounds(query: str, found: Range) -> None:
    """Brackets close, parentheses open, a star leaves the end open; whole numbers stay exact."""
    assert parse_search(query) == found


@pytest.mark.parametrize("query", ["n IN [1 2]", "n > x", "n in [1 2", "n:>1", "n in [1]"])
def test_a_faulty_range_is_a_syntax_error(query: str) -> None:
    """The operator `in` is lower case, and bounds are two numbers."""
    with pytest.raises(SlsError, match="syntax error"):
        parse_search(query)


def test_an_event_name_without_quotes_is_told_to_be_quoted() -> None:
    """Trap 18 of the protocol notes: the commonest fault there is."""
    with pytest.raises(SlsError) as refused:
        parse_search("name:Instance:StateChange")
    assert refused.value.message == (
        "ErrorType:QueryParseError.ErrorMessage:syntax error error position is from column:13 to column:14,"
        'error near < : >; wrap what holds the : in quotation marks, as in name:"Instance:StateChange"'
    )


@pytest.mark.parametrize("keyword", ["and", "or", "sort", "ASC", "desc", "avg", "sum", "min", "max", "limit"])
def test_a_reserved_word_needs_quotes(keyword: str) -> None:
    """As a word to search for [doc Search syntax]; quoted it is one."""
    with pytest.raises(SlsError, match="quote the word"):
        parse_search(keyword)
    assert parse_search(f'"{keyword}"') == word(keyword)


@pytest.mark.parametrize("query", ["a and", "(a", "a)", ":a", "a:", "not", "a or or b", "a ||", "a[0]", "\\"])
def test_what_is_no_search_is_a_syntax_error(query: str) -> None:
    """400 ParameterInvalid with the position."""
    with pytest.raises(SlsError) as refused:
        parse_search(query)
    assert (refused.value.code, "syntax error" in refused.value.message) == ("ParameterInvalid", True)


def test_an_open_quote_is_named() -> None:
    """The vendor's text for it."""
    with pytest.raises(SlsError, match=r"^unclosed string quote$"):
        parse_search('name:"Instance')


def test_a_search_has_at_most_30_conditions() -> None:
    """The vendor's limit and text [doc Log search overview]."""
    parse_search(" ".join(f"w{i}" for i in range(30)))
    with pytest.raises(SlsError, match=r"^condition number 31 is more than 30$"):
        parse_search(" or ".join(f"k:{i}" for i in range(31)))


def test_deep_parentheses_are_read() -> None:
    """Nesting is limited by nothing but the text."""
    assert parse_search("(" * 2000 + "a" + ")" * 2000) == A


def test_sql_without_a_search_is_refused() -> None:
    """The vendor's text; the search may be a star."""
    with pytest.raises(SlsError, match="sql query must follow search query"):
        parse_search("select count(*) from log")


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("a", ("a", None)),
        ("* | select 1", ("*", "select 1")),
        ("*|select '|'", ("*", "select '|'")),
        ('name:"a|b" | select 1', ('name:"a|b"', "select 1")),
        ('"a \\"|\\" b" | select 1', ('"a \\"|\\" b"', "select 1")),
        ("| select 1", ("", "select 1")),
        ("", ("", None)),
    ],
)
def test_the_first_bar_outside_quotes_begins_the_sql(query: str, parts: tuple[str, str | None]) -> None:
    """What is quoted in the search part is no SQL."""
    assert split_query(query) == parts
