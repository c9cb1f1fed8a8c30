"""The benchmark of starting and waiting runs. Which figures it gives is the machine's matter, but for two."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks import standing
from benchmarks.results import Results


@pytest.fixture(scope="module")
def results() -> Results:
    """One start of each, and a sink that waits for three seconds."""
    return standing.measure(standing.read_options(["--quick"]), Console(quiet=True))


def test_every_start_is_shown_beside_its_bound(results: Results) -> None:
    """However long it took here."""
    starts, _ = standing.tables(results)

    assert [row[0] for row in starts.rows] == list(standing.BOUNDS)
    assert [float(row[-1]) for row in starts.rows] == list(standing.BOUNDS.values())


def test_a_sink_that_waits_asks_no_more_than_it_must_and_loops_in_nothing(results: Results) -> None:
    """Not one long poll ends within three seconds, and hardly a thread wakes."""
    (row,) = results.parts["idle"]

    assert row.median("polls_per_receiver") == 0
    assert row.median("wakes_per_second") < 50
    assert row.median("cpu_percent") < 20


def test_every_figure_is_there(results: Results) -> None:
    """With memory and CPU that are some."""
    (row,) = results.parts["idle"]
    _, idle = standing.tables(results)

    assert row.median("resident_megabytes") > 10
    assert row.median("cpu_percent") > 0
    assert [len(cells) for cells in idle.rows] == [len(idle.columns)]


def test_idle_sinks_are_watched_with_and_without_actions_and_over_many_queues() -> None:
    """What is asked grows with the queues; what is used should not."""
    conditions = standing.read_options([]).conditions

    assert {(bool(one.actions), one.queues) for one in conditions} == {
        (actions, queues) for actions in (False, True) for queues in (1, 16)
    }
