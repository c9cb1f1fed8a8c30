"""A search as a DuckDB predicate.

`Predicate` walks the tree of `syntax.py` and writes SQL with bound parameters: nothing that a user typed
becomes part of the statement. Every condition is two-valued, true or false, because `not` of a field that a
log does not have must find that log.

What the index does not allow is refused in the vendor's words ("Common log query and analysis errors"),
followed by what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.search.config import IndexConfig, KeyIndex, Tokens
from sink.local.sls.search.tree import And, Not, Or, Range, Search, Term, Wildcard, conditions
from sink.local.sls.search.words import FIELD, VALUE, WordPattern, escaped, split_words, word_pattern

EXACT_KEYS = {"__topic__": "topic", "__source__": "source", "source": "source", "topic": "topic"}
TAG = "__tag__:"


class Columns(Protocol):
    """Where the values of an indexed key are: an SQL expression over the logstore's table."""

    def value(self, key: KeyIndex) -> str: ...


class Predicate:
    """`sql` and `parameters` that keep the logs which `search` finds. Raises SlsError."""

    def __init__(self, search: Search, config: IndexConfig, columns: Columns) -> None:
        self.parameters: dict[str, Any] = {}
        self._config = config
        self._columns = columns
        self.sql = self._sql(search)

    def _sql(self, search: Search) -> str:
        match search:
            case And(parts):
                return self._joined(parts, " AND ", "true")
            case Or(parts):
                return self._joined(parts, " OR ", "false")
            case Not(part):
                return f"NOT ({self._sql(part)})"
            case Range():
                return self._range(search)
            case _:
                return self._term(search)

    def _joined(self, parts: tuple[Search, ...], operator: str, empty: str) -> str:
        return "(" + operator.join(self._sql(part) for part in parts) + ")" if parts else empty

    def _bind(self, value: Any) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def _range(self, search: Range) -> str:
        key = self._config.find(search.key)
        if key is None:
            raise _not_indexed(search.key)
        if not key.numeric:
            raise _not_numeric(search.key)
        return self._between(self._columns.value(key), search)

    def _between(self, column: str, search: Range) -> str:
        bounds = [f"{column} IS NOT NULL"]
        if search.low is not None:
            bounds.append(f"{column} {'>=' if search.low_closed else '>'} {self._bind(search.low)}")
        if search.high is not None:
            bounds.append(f"{column} {'<=' if search.high_closed else '<'} {self._bind(search.high)}")
        return f"coalesce({' AND '.join(bounds)}, false)"

    def _term(self, term: Term) -> str:
        if term.key is None:
            return self._full_text(term)
        if term.key in EXACT_KEYS and term.key not in self._config.keys:
            return self._whole(EXACT_KEYS[term.key], term)
        key = self._config.find(term.key)
        if key is not None:
            return self._field(self._columns.value(key), key, term)
        if term.key.startswith(TAG):
            return self._words(self._tag(term.key), self._config.line or Tokens(), term)
        raise _not_indexed(term.key)

    def _full_text(self, term: Term) -> str:
        if self._config.line is None:
            raise parameter_invalid(
                f"no full text index to search for {term.text!r} in; "
                f'search a field, as in key:"{term.text}", or add "line" to the index (UpdateIndex)'
            )
        return f"(line AND {self._words('contents', self._config.line, term)})"

    def _field(self, column: str, key: KeyIndex, term: Term) -> str:
        if term.glyphs == (Wildcard.ANY,):
            return f"{column} IS NOT NULL"
        if key.numeric:
            return self._between(column, _number_of(term))
        return self._words(column, key.tokens, term)

    def _tag(self, key: str) -> str:
        """The value of a tag that has no index of its own: tags can be searched without."""
        pattern = f"(?:^|{FIELD}){escaped(key)}{VALUE}([^{FIELD}]*)"
        return f"regexp_extract_all(contents, {self._bind(pattern)}, 1)[1]"

    def _words(self, column: str, tokens: Tokens, term: Term) -> str:
        """All words of the term are in `column`, side by side if it is a phrase."""
        if term.glyphs == (Wildcard.ANY,):
            return f"{column} IS NOT NULL"
        words = split_words(term, tokens)
        if not words:
            return f"coalesce({column} = '', false)" if not term.glyphs else "true"
        _refuse_leading_wildcard(words)
        groups = [words] if term.phrase else [[word] for word in words]
        return " AND ".join(self._matches(column, word_pattern(group, tokens)) for group in groups)

    def _matches(self, column: str, pattern: WordPattern) -> str:
        return (
            f"coalesce(CASE WHEN regexp_matches({column}, {self._bind(pattern.needle)})"
            f" THEN regexp_matches({column}, {self._bind(pattern.expression)}) END, false)"
        )

    def _whole(self, column: str, term: Term) -> str:
        """`__topic__` and `__source__` are exact: one word, case and all, wildcards apart."""
        if term.glyphs == (Wildcard.ANY,):
            return f"{column} <> ''"
        if not any(isinstance(glyph, Wildcard) for glyph in term.glyphs):
            return f"{column} = {self._bind(term.text)}"
        exact = Tokens(case_sensitive=True)
        words = split_words(term, exact)
        _refuse_leading_wildcard(words)
        return self._matches(column, word_pattern(words, exact))


def search_terms(search: Search) -> Iterator[tuple[str, str]]:
    """The `terms` of an answer: key ("" for full text) and text of every term, from left to right."""
    for condition in conditions(search):
        if isinstance(condition, Term):
            yield condition.key or "", condition.text


def _number_of(term: Term) -> Range:
    """`status:200` is `status=200` where status is a number."""
    try:
        number = int(term.text) if term.text.lstrip("-").isdigit() else float(term.text)
    except ValueError as fault:
        raise parameter_invalid(
            f"key ({term.key}) is config as numberic column: it takes a number or a range "
            f"({term.key} in [1 9]), not {term.text!r}"
        ) from fault
    return Range(term.key or "", number, number)


def _refuse_leading_wildcard(words: list[tuple[str | Wildcard, ...]]) -> None:
    if any(isinstance(word[0], Wildcard) for word in words):
        raise parameter_invalid("only support * or ? in the middle or end of the query")


def _not_indexed(key: str) -> SlsError:
    return parameter_invalid(
        f"key ({key}) is not config as key value config,if symbol : is in your log,"
        f'please wrap : with quotation mark "; to search this field, add {key} to the keys of the index '
        f"(UpdateIndex): new logs can then be found by it"
    )


def _not_numeric(key: str) -> SlsError:
    return parameter_invalid(
        f"key ({key}) is not config as numberic column; "
        f"give it the type long or double in the index (UpdateIndex) to search it by range"
    )
