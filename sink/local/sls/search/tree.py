"""What a search is: a tree of conditions. `syntax.py` reads it, `predicate.py` makes it SQL.

The tree knows nothing of indexes: which words a text holds depends on the delimiters of the key that it is
searched in, so a `Term` keeps its text as glyphs, wildcards apart from the characters that only look like
them, and `predicate.py` cuts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Wildcard(Enum):
    """A wildcard of a term: any run of characters, or exactly one."""

    ANY = "*"
    ONE = "?"


Glyph = str | Wildcard


@dataclass(frozen=True, slots=True)
class Term:
    """Words to be found in the field `key`, or anywhere (None).

    `phrase` asks for the words side by side in this order; without it all must be there, in any order.
    """

    key: str | None
    glyphs: tuple[Glyph, ...]
    phrase: bool = False

    @property
    def text(self) -> str:
        """The term as somebody would read it."""
        return "".join(glyph.value if isinstance(glyph, Wildcard) else glyph for glyph in self.glyphs)


@dataclass(frozen=True, slots=True)
class Range:
    """A number in the field `key`, between two bounds, None for none; a bound counts in if it is closed.

    A bound without a fraction is an int: a long has more digits than a float can tell apart.
    """

    key: str
    low: int | float | None
    high: int | float | None
    low_closed: bool = True
    high_closed: bool = True


@dataclass(frozen=True, slots=True)
class And:
    """All of `parts`; no part at all is every log."""

    parts: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of `parts`."""

    parts: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Every log but those of `part`."""

    part: Search


Search = Term | Range | And | Or | Not

EVERYTHING = And(())


def conditions(search: Search) -> Iterator[Term | Range]:
    """The terms and ranges of a search, from left to right."""
    match search:
        case And(parts) | Or(parts):
            for part in parts:
                yield from conditions(part)
        case Not(part):
            yield from conditions(part)
        case _:
            yield search
