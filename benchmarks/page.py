"""Write the page of the benchmarks: `python -m benchmarks.page docs`.

The text is `page.md`, the figures and the picture are made from the JSON that the benchmarks left in that
folder. So the page is always what some run said, and a test holds the one against the other.
"""

from __future__ import annotations

import sys
from pathlib import Path
from string import Template

from benchmarks import comparison, embedded
from benchmarks.picture import save
from benchmarks.results import Results
from benchmarks.tables import on_page

TEMPLATE = Path(__file__).with_name("page.md")


def render(throughput: Results, cloud: Results) -> str:
    """The page's text."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        throughput=on_page(comparison.tables(throughput)),
        runs=len(throughput.parts["latency"][0].runs),
        machine=throughput.machine,
        embedded=on_page(embedded.tables(cloud)),
        embedded_runs=len(cloud.parts["messages"][0].runs),
        embedded_machine=cloud.machine,
    )


def write(folder: Path) -> None:
    """Write page and picture from the results in this folder. Raises OSError where they are missing."""
    throughput = Results.load(folder / "throughput.json")
    page = render(throughput, Results.load(folder / "embedded.json"))
    (folder / "benchmarks.md").write_text(page, encoding="utf-8")
    save(throughput, folder / "throughput.png")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
