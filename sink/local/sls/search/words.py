"""Words: how a term of a search becomes a regular expression over a stored value.

A value is cut into words at the delimiters of its index (`Tokens`), and so is the term. A word is found
where it stands between two delimiters, an end of the value, or, with `chn`, beside a Chinese character;
each of those is a word by itself, since the service's dictionary is not known. The expressions are RE2's,
which DuckDB runs, and contain no look-around because RE2 has none.

Stored logs keep all their fields in one text; its marks FIELD and VALUE delimit words too, so that full
text search reads it as it is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sink.local.sls.search.config import Tokens
from sink.local.sls.search.tree import Glyph, Term, Wildcard

FIELD, VALUE = "\x1e", "\x1f"
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
HAN_CLASS = r"\p{Han}"
_MORE_THAN_TWO_CASES = re.compile("[sk]", re.IGNORECASE)
"""RE2 has a quick way to look for letters of two cases; the long s and the Kelvin sign are a third."""

Word = tuple[Glyph, ...]


class WordPattern(NamedTuple):
    """An RE2 expression, and a part of it without which it cannot match: three times as fast to look for."""

    expression: str
    needle: str


def split_words(term: Term, tokens: Tokens) -> list[Word]:
    """The words of a term; a wildcard that is a delimiter here only separates."""
    words: list[Word] = []
    word: list[Glyph] = []
    for glyph in (*term.glyphs, FIELD):
        if _separates(glyph, tokens):
            words += [tuple(word)] if word else []
            word = []
        elif tokens.chn and isinstance(glyph, str) and HAN.match(glyph):
            words += [tuple(word), (glyph,)] if word else [(glyph,)]
            word = []
        else:
            word.append(glyph)
    return words


def word_pattern(words: Sequence[Word], tokens: Tokens) -> WordPattern:
    """What finds `words` side by side in this order."""
    flags = "" if tokens.case_sensitive else "(?i)"
    body = "".join(_piece(words, index, tokens) for index in range(len(words)))
    return WordPattern(flags + body + _edge(words[-1], tokens, "$"), flags + escaped(_needle(words, tokens)))


def _separates(glyph: Glyph, tokens: Tokens) -> bool:
    mark = glyph.value if isinstance(glyph, Wildcard) else glyph
    return mark in tokens.delimiters or mark in (FIELD, VALUE)


def _piece(words: Sequence[Word], index: int, tokens: Tokens) -> str:
    """One word, with what has to stand before it."""
    if index == 0:
        before = _edge(words[0], tokens, "^")
    elif _is_han(words[index], tokens) or _is_han(words[index - 1], tokens):
        before = f"[{_delimiters(tokens)}]*"
    else:
        before = f"[{_delimiters(tokens)}]+"
    return before + "".join(_expressions(words[index], tokens))


def _edge(word: Word, tokens: Tokens, end: str) -> str:
    if _is_han(word, tokens):
        return ""
    return f"(?:{end}|[{_breaks(tokens)}])"


def _is_han(word: Word, tokens: Tokens) -> bool:
    return tokens.chn and isinstance(word[0], str) and bool(HAN.match(word[0]))


def _expressions(word: Word, tokens: Tokens) -> Iterator[str]:
    for glyph in word:
        match glyph:
            case Wildcard.ANY:
                yield f"[^{_breaks(tokens)}]*"
            case Wildcard.ONE:
                yield f"[^{_breaks(tokens)}]"
            case character:
                yield escaped(str(character))


def _delimiters(tokens: Tokens) -> str:
    return "".join(map(escaped, tokens.delimiters)) + FIELD + VALUE


def _breaks(tokens: Tokens) -> str:
    return _delimiters(tokens) + (HAN_CLASS if tokens.chn else "")


def escaped(text: str) -> str:
    """`text` as RE2 matches it literally: RE2 refuses a backslash before what is no punctuation."""
    return "".join(f"\\{mark}" if mark in string.punctuation else mark for mark in text)


def _needle(words: Sequence[Word], tokens: Tokens) -> str:
    literals = [text for word in words for text in _literals(word)]
    if not tokens.case_sensitive:
        literals = [run for text in literals for run in _MORE_THAN_TWO_CASES.split(text)]
    return max(literals, key=len, default="")


def _literals(word: Word) -> list[str]:
    return "".join(glyph if isinstance(glyph, str) else VALUE for glyph in word).split(VALUE)
