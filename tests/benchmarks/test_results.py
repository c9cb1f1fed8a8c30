"""What is kept of a run, and what is shown of it: no figure is typed by hand."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmarks
from benchmarks import comparison, page, picture, throughput
from benchmarks.growth import Panel, growth
from benchmarks.results import Machine, Results, Row
from benchmarks.spans import Span, spans

DOCS = Path(__file__).parent.parent.parent / "docs"


def row(subject: str, rates: list[float], *, latency_ms: float = 0, events: int = 100) -> Row:
    """A row with these rates and nothing else that matters."""
    rest = dict.fromkeys(
        ("cpu_ms_per_event", "requests_per_event", "peak_megabytes", "cpu_share", "server_cpu_share"), 0.5
    )
    return Row(subject, latency_ms, events, [{"events_per_second": rate, **rest} for rate in rates])


MACHINE = Machine("2026-01-02", "a processor", 2, 8, "Linux 6", "3.11.7", {"aliyun-mns-sdk": "1.3.0"})
RESULTS = Results(
    MACHINE,
    {
        "latency": [
            row("engineer", [1000.0, 3000.0, 2000.0]),
            row("sink", [5000.0, 5000.0, 9000.0]),
            row("sink", [70.0, 70.0, 70.0], latency_ms=20),
        ],
        "growth": [row("sink", [5000.0], events=2000), row("sink", [5500.0], events=100)],
    },
)


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    """Every run, and the machine."""
    RESULTS.save(tmp_path / "new" / "results.json")

    assert Results.load(tmp_path / "new" / "results.json") == RESULTS


def test_a_table_shows_medians_spans_and_the_ratio_of_runs_side_by_side() -> None:
    """The runs took 5, 1.7 and 4.5 times the engineer's."""
    first, *_ = comparison.tables(RESULTS)

    assert first.rows[0][:6] == ["engineer", "100", "2,000", "1,000", "3,000", "1"]
    assert first.rows[1][:6] == ["sink", "100", "5,000", "5,000", "9,000", "4.5"]


def test_there_is_no_ratio_where_the_reference_did_not_run() -> None:
    """The cell is empty rather than wrong."""
    _, second, _ = comparison.tables(RESULTS)

    assert second.title == "20 ms round trip"
    assert second.rows[0][5] == ""


def test_growth_is_shown_by_size() -> None:
    """Whatever the order of the runs."""
    *_, growth = comparison.tables(RESULTS)

    assert [cells[1] for cells in growth.rows] == ["100", "2,000"]


def test_without_growth_there_is_no_table_of_it() -> None:
    """A heading over nothing misleads."""
    tables = comparison.tables(replace(RESULTS, parts={**RESULTS.parts, "growth": []}))

    assert [table.title for table in tables] == ["no latency", "20 ms round trip"]


def test_several_processes_are_held_against_the_fewest() -> None:
    """How many times as fast they are."""
    rows = [row("sink", [1000.0], latency_ms=1), row("sink", [1900.0], latency_ms=2)]

    *_, spread = comparison.tables(replace(RESULTS, parts={**RESULTS.parts, "processes": rows}))

    assert [cells[:4] for cells in spread.rows] == [
        ["1", "100", "1,000", "1.00"],
        ["2", "100", "1,900", "1.90"],
    ]


@pytest.mark.parametrize("growth", [True, False])
def test_the_picture_shows_every_rival_with_its_rate_and_ratio(growth: bool) -> None:
    """As text too, and not by colour alone."""
    parts = dict(RESULTS.parts, growth=RESULTS.parts["growth"] if growth else [])

    figure = picture.throughput(Results(MACHINE, parts))

    told = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert told == ["2,000  ×1", "5,000  ×4.5", "70"]
    assert len(figure.axes) == (4 if growth else 2)


def test_the_picture_is_drawn_from_the_file_alone(tmp_path: Path) -> None:
    """Without a new run."""
    RESULTS.save(tmp_path / "results.json")

    throughput.main(["--json", str(tmp_path / "results.json"), "--picture", str(tmp_path / "picture.png")])

    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_no_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do instead."""
    with pytest.raises(SystemExit):
        throughput.read_options(["--picture", "picture.png"])

    assert "name it with --json" in capsys.readouterr().err


def test_the_page_says_what_the_results_say() -> None:
    """Who edits a figure by hand, or the text in the wrong place, is found out."""
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page.render(page.load(DOCS))


def test_page_and_pictures_are_written_where_the_results_are(tmp_path: Path) -> None:
    """Of whichever run."""
    for name in page.TABLES:
        (tmp_path / f"{name}.json").write_bytes((DOCS / f"{name}.json").read_bytes())
    RESULTS.save(tmp_path / "throughput.json")

    page.write(tmp_path)

    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| sink | 100 | 5,000 | 5,000 | 9,000 | 4.5 |" in text
    assert "a processor" in text
    assert "$" not in text
    pictures = {f"{name}.png" for name in page.PICTURES}
    assert {path.name for path in tmp_path.glob("*.png")} == pictures
    assert set(re.findall(r"\]\(([a-z]+\.png)\)", text)) == pictures


def test_growth_is_drawn_as_a_line_for_each_subject() -> None:
    """By size, whatever the order of the rows."""
    panel = Panel("rate", "events_per_second", "events/s", RESULTS.parts["growth"])

    (axes,) = growth("Growth", [panel], MACHINE, "events").axes

    (line,) = axes.lines
    assert np.asarray(line.get_xydata()).tolist() == [[100, 5500], [2000, 5000]]


def test_a_span_is_drawn_with_its_bound() -> None:
    """Where it has one."""
    lines = [Span("start", 1.0, 2.0, 3.0, bound=1.5), Span("other", 1.0, 1.0, 1.0)]

    (axes,) = spans("Times", lines, MACHINE, "seconds").axes

    assert [text.get_text() for text in axes.texts] == ["1", "2"]
    bars = [line for line in axes.lines if line.get_marker() == "|"]
    assert [np.asarray(bar.get_xydata()).tolist() for bar in bars] == [[[1.5, 1]]]


def test_this_machine_can_be_described() -> None:
    """With all that decides over a figure."""
    machine = Machine.this()

    assert machine.cores >= 1
    assert machine.processor in str(machine)
    assert machine.date in str(machine)


def test_every_example_in_a_docstring_runs() -> None:
    """Nothing is documented that was not executed."""
    names = [info.name for info in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]
    tried = [doctest.testmod(importlib.import_module(name)) for name in names]

    assert sum(result.failed for result in tried) == 0
    assert sum(result.attempted for result in tried) >= 6
