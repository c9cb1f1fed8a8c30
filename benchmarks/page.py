"""Write the page of the benchmarks: `python -m benchmarks.page docs`.

The text is `page.md`, the figures and the pictures are made from the JSON that the benchmarks left in that
folder, a file for each. So the page is always what some run said, and a test holds the one against the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template

from matplotlib.figure import Figure

from benchmarks import analysis, comparison, embedded, picture, reaction, standing
from benchmarks.results import Results
from benchmarks.tables import Figures, on_page

TEMPLATE = Path(__file__).with_name("page.md")
TABLES: Mapping[str, Callable[[Results], Sequence[Figures]]] = {
    "throughput": comparison.tables,
    "reaction": reaction.tables,
    "standing": standing.tables,
    "embedded": embedded.tables,
    "analysis": analysis.tables,
}
"""The benchmarks, by the names of their files."""
PICTURES: Mapping[str, Callable[[Results], Figure]] = {
    "throughput": picture.throughput,
    "reaction": reaction.picture,
    "standing": standing.picture,
    "embedded": embedded.picture,
    "analysis": analysis.picture,
}


def load(folder: Path) -> dict[str, Results]:
    """What each benchmark left there. Raises OSError where one is missing."""
    return {name: Results.load(folder / f"{name}.json") for name in TABLES}


def render(found: Mapping[str, Results]) -> str:
    """The page's text."""
    words: dict[str, object] = {}
    for name, results in found.items():
        first_part = next(iter(results.parts.values()))
        words[name] = on_page(TABLES[name](results))
        words[f"{name}_runs"] = len(first_part[0].runs)
        words[f"{name}_machine"] = results.machine
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(words)


def write(folder: Path) -> None:
    """Write page and pictures from the results in this folder. Raises OSError where they are missing."""
    found = load(folder)
    (folder / "benchmarks.md").write_text(render(found), encoding="utf-8")
    for name, results in found.items():
        picture.save(PICTURES[name](results), folder / f"{name}.png")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
