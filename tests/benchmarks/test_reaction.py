"""The benchmark of the reaction time runs. Which figures it gives is the machine's matter, and not tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.reaction import tables
from benchmarks.results import Results
from tests.processes import environment

ROOT = Path(__file__).parents[2]
CONDITIONS = ("idle", "in the same queue", "in a queue of its own")
SPANS = ("enqueued → received", "received → first call", "enqueued → first call")
STAGES = ("received → claimed", "claimed → admitted", "admitted → intended", "intended → called")


def test_the_quick_form_shows_every_row(tmp_path: Path) -> None:
    """Each condition with its three spans, what lies inside the sink, and in the file what was printed."""
    kept = tmp_path / "reaction.json"

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reaction", "--quick", "--json", str(kept)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    reaction, inside, growth, targets, backlog = tables(Results.load(kept))
    assert [row[0] for row in reaction.rows] == [f"{one}: {span}" for one in CONDITIONS for span in SPANS]
    assert [row[0] for row in inside.rows] == [f"{one}: {stage}" for one in CONDITIONS for stage in STAGES]
    assert [row[:2] for row in growth.rows] == [
        [f"in the same queue: {SPANS[1]}", size] for size in ("64", "320")
    ]
    assert [row[0] for row in targets.rows] == list(CONDITIONS)
    assert [row[:2] for row in backlog.rows] == [["in a queue of its own", "320"]]
    for name in (row[0] for table in (reaction, inside) for row in table.rows):
        assert name in done.stdout
    assert "shares these cores" in done.stdout
    for row in Results.load(kept).parts["reaction"]:
        assert len(row.runs) == row.events == 6
        for run in row.runs:
            assert (
                run["enqueued_to_called_ms"] == run["enqueued_to_received_ms"] + run["received_to_called_ms"]
            )
