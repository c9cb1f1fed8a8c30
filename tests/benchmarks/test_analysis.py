"""The benchmark of the analysis runs: both contestants, each alone, over the same events."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks import analysis
from benchmarks.results import Results


@pytest.fixture(scope="module")
def results() -> Results:
    """A few thousand events."""
    return analysis.measure(analysis.read_options(["--quick"]), Console(quiet=True))


def test_both_find_the_instances_of_the_same_events(results: Results) -> None:
    """Else the one did less work; an event may show an instance that the other query leaves out."""
    reference, found = results.parts["analysis"]

    assert (reference.subject, found.subject) == ("reference", "analysis")
    assert reference.events == found.events == 3000
    assert found.median("instances") == pytest.approx(reference.median("instances"), rel=0.01)


def test_the_table_tells_times_in_terms_of_the_reference(results: Results) -> None:
    """Whose own ratio is 1; no cell is empty."""
    (table,) = analysis.tables(results)

    assert table.rows[0][table.columns.index("times reference")] == "1.00"
    assert all(cell for row in table.rows for cell in row)
    assert all(len(row) == len(table.columns) for row in table.rows)
