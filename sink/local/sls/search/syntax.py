"""The search part of a query becomes the tree of `tree.py`: `parse_search`, by the grammar in `syntax.lark`.

Faults are answered in the vendor's words ("Common log query and analysis errors"), with a hint where a
newcomer meets one daily: an event name such as `Instance:StateChange` without its quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import cast

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.search.tree import (
    EVERYTHING,
    And,
    Glyph,
    Not,
    Or,
    Range,
    Search,
    Term,
    Wildcard,
    conditions,
)

CONDITION_LIMIT = 30
RESERVED = ("and", "or", "not", "sort", "asc", "desc", "avg", "sum", "min", "max", "limit")


def parse_search(text: str) -> Search:
    """Read the search part of a query. Raises SlsError: 400 ParameterInvalid."""
    if re.match(r"select\s", text, re.IGNORECASE):
        raise parameter_invalid("sql query must follow search query,please read syntax doc: * | select …")
    try:
        search = cast("Search", _grammar().parse(text))
    except UnexpectedInput as fault:
        raise _syntax_error(text, fault.pos_in_stream or 0) from fault
    count = len(list(conditions(search)))
    if count > CONDITION_LIMIT:
        raise parameter_invalid(f"condition number {count} is more than {CONDITION_LIMIT}")
    return search


def split_query(query: str) -> tuple[str, str | None]:
    """Cut a query at the first `|` outside double quotes: the search part, and the SQL or None.

    >>> split_query('name:"a|b" | select 1')
    ('name:"a|b"', 'select 1')
    """
    bar = re.match(r'(?:[^"|\\]|\\.|"(?:[^"\\]|\\.)*"?)*', query, re.DOTALL)
    end = bar.end() if bar else 0
    search, rest = query[:end].strip(), query[end:]
    return search, rest[1:].strip() if rest.startswith("|") else None


@cache
def _grammar() -> Lark:
    return Lark.open("syntax.lark", rel_to=__file__, parser="lalr", transformer=_Build())


@v_args(inline=True)
class _Build(Transformer[Token, Search]):
    """Turns what is parsed into `Search` while it is parsed: no nesting is too deep for that."""

    def start(self, search: Search = EVERYTHING) -> Search:
        return search

    def anything(self, *parts: Search) -> Search:
        return Or(parts)

    def conjunction(self, *parts: Search) -> Search:
        return And(parts)

    def negation(self, part: Search) -> Search:
        return part.part if isinstance(part, Not) else Not(part)

    def exception(self, kept: Search, part: Search) -> Search:
        return And((kept, Not(part)))

    def group(self, search: Search) -> Search:
        return search

    def name(self, token: Token) -> str:
        return _unescaped(token.strip('"') if token.type == "QUOTED" else token)

    def full_text(self, token: Token) -> Search:
        if token == "*":
            return EVERYTHING
        if token.type == "WORD" and token.lower() in RESERVED:
            raise _near(token, f'quote the word to search for it: "{token}"')
        return _term(None, token)

    def field(self, key: str, token: Token) -> Search:
        return _term(key, token)

    def tag(self, name: str, token: Token) -> Search:
        return _term(f"__tag__:{name}", token)

    def comparison(self, key: str, operator: Token, number: Token) -> Search:
        value = _number(number)
        match operator:
            case ">" | ">=":
                return Range(key, value, None, low_closed=operator == ">=")
            case "<" | "<=":
                return Range(key, None, value, high_closed=operator == "<=")
            case _:
                return Range(key, value, value)

    def interval(self, key: str, opening: Token, low: Token, high: Token, closing: Token) -> Search:
        return Range(key, _bound(low), _bound(high), opening == "[", closing == "]")


def _number(token: str) -> int | float:
    return int(token) if token.lstrip("+-").isdigit() else float(token)


def _bound(token: str) -> int | float | None:
    return None if token == "*" else _number(token)


def _term(key: str | None, token: Token) -> Term:
    if token.type == "WORD":
        return Term(key, tuple(_glyphs(token)))
    inside = token[token.index('"') + 1 : -1]
    return Term(key, tuple(_unescaped(inside)), phrase=token.type == "PHRASE")


def _glyphs(word: str) -> Iterator[Glyph]:
    for mark in re.findall(r"\\.|.", word, re.DOTALL):
        yield Wildcard(mark) if mark in ("*", "?") else mark[-1]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _syntax_error(text: str, position: int) -> SlsError:
    if len(re.findall(r'(?<!\\)"', text)) % 2:
        return parameter_invalid("unclosed string quote")
    near = text[position : position + 1]
    hint = "after the search part there is nothing" if not near else ""
    if near == ":":
        hint = 'wrap what holds the : in quotation marks, as in name:"Instance:StateChange"'
    return _error_at(near, position, hint)


def _near(token: Token, hint: str) -> SlsError:
    return _error_at(token, token.start_pos or 0, hint)


def _error_at(near: str, position: int, hint: str) -> SlsError:
    return parameter_invalid(
        f"ErrorType:QueryParseError.ErrorMessage:syntax error error position is from "
        f"column:{position} to column:{position + len(near)},error near < {near} >" + (hint and f"; {hint}")
    )
