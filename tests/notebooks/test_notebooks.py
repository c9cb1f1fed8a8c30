"""The notebooks as people run them: on the sample, on nothing, on one instance, on a bad day's data.

Each is executed by nbclient in a kernel of its own, and asked for the figures it ends with (`RESULT`).
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from sink.analysis.generator import Delivery, Fleet, Plan, sample, simulate
from sink.cli.report import NOTEBOOKS, Parameters, execute, folder, load_notebook

Result = dict[str, Any]

AS_OF = "2026-11-25T00:00+08:00"
"""Where the simulated fleets end."""

ONE = "i-2ze0000000000000000"


def run(name: str, **parameters: str) -> Result:
    """Execute a notebook and read its RESULT out of the kernel."""
    notebook = load_notebook(name, Parameters(**parameters))
    notebook.cells.append(nbformat.v4.new_code_cell("RESULT"))
    execute(notebook)
    text = notebook.cells[-1].outputs[0].data["text/plain"]
    result: Result = ast.literal_eval(text)
    return result


def _body(state: str, at: str, **replaced: Any) -> str:
    event = {
        "id": f"{state} {at}",
        "product": "ECS",
        "name": "Instance:StateChange",
        "regionId": "cn-beijing",
        "eventTime": at,
        "content": {"resourceId": ONE, "resourceType": "ALIYUN::ECS::Instance", "state": state},
    }
    return json.dumps(event | replaced)


@pytest.fixture
def one(tmp_path: Path) -> str:
    """One instance, which ran for ten hours and was reclaimed; its times come in three zones."""
    notice = {"instanceId": ONE, "action": "delete"}
    lines = [
        _body("Created", "20261123T080000.000+0800"),
        _body("Running", "2026-11-23T00:01:00Z"),
        _body(
            "", "20261123T175600.000+0800", name="Instance:PreemptibleInstanceInterruption", content=notice
        ),
        _body("Deleted", "2026-11-23T11:01:00+01:00"),
    ]
    return _written(tmp_path, lines)


DIRTY_FLEET = simulate(7, Plan(instances=40), Delivery(lost=0.05, repeated=0.2, late=0.1))


@pytest.fixture
def dirty(tmp_path: Path) -> str:
    """A fleet with a twentieth of its events lost and a fifth repeated, among all that cannot be used."""
    stamp = "20261123T080000.000+0800"
    bad = [
        "no json",
        "[]",
        "{}",
        _body("Running", "20261123T"),
        _body("Running", "19691231T235959.000+0800"),
        _body("Running", "21000101T000000.000+0800"),
        _body("Hibernating", stamp),
        _body("Running", stamp, content={"resourceId": "i-2ze****", "resourceType": "ALIYUN::ECS::Instance"}),
        _body("Running", stamp, content={"state": "Running"}),
        _body("Running", stamp, product="RDS"),
    ]
    return _written(tmp_path, [record["body"] for record in DIRTY_FLEET.records] + bad)


def _written(folder: Path, lines: list[str]) -> str:
    path = folder / "events.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def _fates(fleet: Fleet) -> dict[str, int]:
    return {str(name): int(count) for name, count in fleet.truth["fate"].value_counts().items()}


def test_lifecycles_of_the_sample_are_what_happened() -> None:
    """Lives, ends and hours as the simulation knows them, though one event in a hundred was lost."""
    result, truth = run("lifecycles", source="sample"), sample().truth
    outcomes = result["outcomes"]
    assert result["lives"] == len(truth) == 80
    assert (
        outcomes["interrupted"] + outcomes["interrupted_unconfirmed"] == _fates(sample())["interrupted"] == 19
    )
    assert outcomes["alive"] == _fates(sample())["alive"] == 30
    assert result["running_hours"] == pytest.approx(truth["running_ms"].sum() / 3_600_000, rel=0.01)
    assert result["billed_hours"] > result["running_hours"]
    assert 0 < result["shares"]["reclaimed"] < 1 - result["shares"]["released"] + 1e-9


def test_interruptions_of_the_sample_are_what_happened() -> None:
    """Every reclaim is counted once, in its zone and type."""
    result, truth = run("interruptions", source="sample"), sample().truth
    reclaimed = truth[truth["fate"] == "interrupted"]
    groups = (reclaimed["zone_id"] + " " + reclaimed["instance_type"]).value_counts()
    counted = {name: count for name, count in result["groups"].items() if count}
    assert counted == groups.to_dict()
    assert result["notices"] == sum(result["grouped"].values()) == 19
    assert result["median_lead_ms"] == 300_000


def test_actions_of_the_sample_are_what_was_recorded() -> None:
    """Counts by status are those of the records, and all that was restarted came back."""
    result, records = run("actions", source="sample"), sample().action_records
    statuses = [record["status"] for record in records]
    assert result["actions"] == {status: statuses.count(status) for status in set(statuses)}
    restarted = [record for record in records if record["module"] == "restart" and record["status"] == "done"]
    assert result["recovered"]["done"] == len(restarted)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_an_empty_log_gives_noughts(name: str, tmp_path: Path) -> None:
    """A first look before anything happened: every cell runs, every count is 0."""
    result = run(name, source=_written(tmp_path, []), as_of=AS_OF)
    counts = [value for key, value in result.items() if isinstance(value, int) and key != "as_of_ms"]
    assert counts
    assert not any(counts)
    assert not any(value for value in result.values() if isinstance(value, dict | list))


def test_one_instance_has_its_hours_and_its_end(one: str) -> None:
    """From 08:01 to 18:01: ten hours Running, reclaimed; the zone of a stamp makes no difference."""
    result = run("lifecycles", source=one, as_of=AS_OF)
    assert result["lives"] == 1
    assert result["outcomes"]["interrupted"] == 1
    assert result["running_hours"] == 10.0
    assert result["billed_hours"] == pytest.approx(10 + 1 / 60, abs=1e-3)
    assert result["medians"] == {"unknown": pytest.approx(10 + 1 / 60, abs=1e-3)}
    assert result["shares"] == {"reclaimed": 1.0, "released": 0.0}


def test_one_interruption_is_shown_without_a_rank(one: str) -> None:
    """One event in ten hours, five minutes' notice, nothing left."""
    result = run("interruptions", source=one, as_of=AS_OF)
    assert (result["interruptions"], result["running_hours"]) == (1, 10.0)
    assert (result["median_lead_ms"], result["largest_group"], result["left_at_worst"]) == (300_000, 1, 0)


def test_one_instance_without_actions_has_none(one: str) -> None:
    """No restart, no drain, and a notice all the same."""
    result = run("actions", source=one, as_of=AS_OF)
    assert (result["actions"], result["stops"], result["notices"], result["drained_in_time"]) == ({}, 0, 1, 0)


def test_a_bad_day_gives_nearly_the_same_lifecycles(dirty: str) -> None:
    """No life is invented; hours are within a twentieth though a twentieth of the events was lost."""
    result, truth = run("lifecycles", source=dirty, as_of=AS_OF), DIRTY_FLEET.truth
    assert len(truth) - 3 <= result["lives"] <= len(truth)
    assert result["running_hours"] <= truth["running_ms"].sum() / 3_600_000 * 1.05


def test_a_bad_day_gives_nearly_the_same_interruptions(dirty: str) -> None:
    """A lost notice cannot be mended; more reclaims than happened there are none."""
    result = run("interruptions", source=dirty, as_of=AS_OF)
    reclaimed = _fates(DIRTY_FLEET)["interrupted"]
    assert reclaimed * 0.7 <= result["interruptions"] <= reclaimed


def test_a_bad_day_leaves_the_actions_notebook_standing(dirty: str) -> None:
    """A file of events holds no actions: no stop has been answered."""
    result = run("actions", source=dirty, as_of=AS_OF)
    assert result["actions"] == {}
    assert set(result["recovered"]) <= {"none"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_kept_without_outputs(name: str) -> None:
    """What ran on somebody's data does not belong into the repository."""
    notebook = nbformat.read(folder() / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_open_with_the_quality_table_and_say_what_figures_do_not_show(name: str) -> None:
    """Question 12 comes first; each part with a picture or table ends with its limits."""
    notebook = nbformat.read(folder() / f"{name}.ipynb", as_version=4)
    ids = [cell.id for cell in notebook.cells]
    assert ids[:4] == ["title", "parameters", "quality-text", "quality"]
    headings = [cell for cell in notebook.cells if cell.source.startswith("## ")][1:]
    limits = [cell for cell in notebook.cells if cell.source.startswith("**What this does not show:**")]
    assert len(limits) == len(headings) > 3
