"""Results as tables: on a terminal, and in Markdown for the page. Both show the same cells.

A figure is the median of the runs; of events/s the least and the most stand beside it, because that is where
a noisy machine shows. `comparison.py` and `embedded.py` say which tables there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figures:
    """A table: its heading, its columns and its cells. The first column is text, the others are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def on_terminal(self) -> Table:
        """For rich."""
        table = Table(title=self.title, title_justify="left", box=box.SIMPLE_HEAD, header_style="bold")
        for at, column in enumerate(self.columns):
            table.add_column(column, justify="right" if at else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def in_markdown(self) -> str:
        """For the page.

        >>> print(Figures("Rates", ["", "n"], [["sink", "1"]]).in_markdown())
        **Rates**
        <BLANKLINE>
        |  | n |
        |:--|--:|
        | sink | 1 |
        """
        return "\n".join([f"**{self.title}**", "", *self._lines()])

    def _lines(self) -> Iterator[str]:
        head, *rest = (f"| {' | '.join(line)} |" for line in (self.columns, *self.rows))
        yield head
        yield "|:--|" + "--:|" * (len(self.columns) - 1)
        yield from rest


def on_page(tables: Iterable[Figures]) -> str:
    """Several tables in Markdown, one below the other."""
    return "\n\n".join(table.in_markdown() for table in tables)
