"""Nothing is documented that was not executed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sink.cli.settings import read_settings
from tests import samples
from tests.processes import Sink, environment, wait_until

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
VENV_BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def documented(command: str) -> list[list[str]]:
    """The arguments of every call of a command in the README."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"sink {command} ")]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Sink:
    """A sink whose embedded logstore holds the samples."""
    sink = Sink(tmp_path_factory.mktemp("readme"))
    (sink.folder / "broken.json").write_text("broken", encoding="utf-8")
    assert sink.call("send", *map(str, samples.paths()), "broken.json").returncode == 0
    assert sink.call("run", "--drain").returncode == 0
    return sink


def test_there_are_ten_queries() -> None:
    """As the heading says."""
    assert len(documented("query")) == 10


def test_every_query_of_the_readme_works(filled: Sink) -> None:
    """Each finds something in the samples."""
    for arguments in documented("query"):
        done = filled.call(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert not done.stdout.startswith("0 rows"), arguments


def test_the_readmes_report_is_written(filled: Sink) -> None:
    """Three pages, and the pictures beside them."""
    (arguments,) = documented("report")

    done = filled.call(*arguments)

    assert (done.returncode, done.stderr) == (0, "")
    pages = {path.name for path in (filled.folder / "report").glob("*.html")}
    assert pages == {"lifecycles.html", "interruptions.html", "actions.html"}
    assert len(list((filled.folder / "report").glob("*.png"))) > 5


def test_the_readmes_configuration_is_good(tmp_path: Path) -> None:
    """It can be copied: that of the sink alone, and that of the actions below it."""
    actions, sink = sorted(blocks("ini"), key=lambda one: "[sink]" in one)
    path = tmp_path / "config.ini"

    path.write_text(sink, encoding="utf-8")
    assert read_settings(path, {}).sls.project == "my-project"

    path.write_text(f"{sink}\n{actions}", encoding="utf-8")
    modes = {name: own.mode for name, own in read_settings(path, {}).action.items()}
    assert modes == {"restart": "shadow", "slb_removal": "live"}


def test_the_switch_that_the_readme_names_is_the_one_that_is_looked_at(tmp_path: Path) -> None:
    """In an emergency nobody looks it up elsewhere."""
    (tmp_path / "config.ini").write_text("[local]\nenabled = yes\n", encoding="utf-8")

    switch = read_settings(tmp_path / "config.ini", {}).guard.kill_switch

    assert f"`touch {switch.name}` beside `config.ini`" in README
    assert switch.parent == tmp_path


def test_the_readmes_fault_rule_is_taken(filled: Sink) -> None:
    """curl is not needed to know that the body is right."""
    from tests.faults import inject
    from tests.local.conftest import running_cloud

    (command,) = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl")]
    rule = json.loads(shlex.split(command)[-1])
    with running_cloud(filled.folder / "cloud") as cloud:
        inject(cloud.url, rule.pop("match"), **rule)


def test_make_run_shows_what_the_readme_shows(tmp_path: Path) -> None:
    """The first command of a newcomer: it says where things are, and ends cleanly."""
    command = ["make", "run", "READY=", f"VENV={VENV_BIN.parent}"]
    extra = {"SINK__LOCAL__DATA": str(tmp_path / "data")}
    with (tmp_path / "out").open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**extra), stdout=output, stderr=output, start_new_session=True
        )

    def seen() -> str:
        return (tmp_path / "out").read_text(encoding="utf-8")

    wait_until(lambda: "received" in seen() and "rate" in seen(), "the first line of figures")
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)

    for words in (
        "ecs-event-sink. Every ECS event goes into the logstore",
        "simulated fleet of 60",
        "Ended after",
    ):
        assert words in seen()
    received = re.search(r"Ended after \d+ s: received (\S+),", seen())
    assert received is not None
    assert int(received[1].replace(",", "")) > 50


@pytest.mark.parametrize("target", ["run", "test", "setup", "check"])
def test_every_target_that_is_documented_is_there(target: str) -> None:
    """make knows what the README names."""
    done = subprocess.run(
        ["make", "-n", target, "READY=", f"VENV={VENV_BIN.parent}"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert f"make {target}" in README
    assert done.returncode == 0


def test_every_command_that_is_documented_is_there_and_the_other_way_round() -> None:
    """The table of commands is complete."""
    documented = set(re.findall(r"^\| `sink ([a-z]+)", README, flags=re.MULTILINE))
    helped = subprocess.run(
        [sys.executable, "-m", "sink", "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = set(re.findall(r"^  ([a-z]+) ", helped.partition("Commands:")[2], flags=re.MULTILINE))

    assert documented == commands


def test_every_dependency_is_explained() -> None:
    """A package is there for a reason that stands in the README."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + extras["local"] + extras["postgresql"]
    names = {re.split(r"[<>=\[]", requirement)[0] for requirement in needed}

    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_place_on_the_map_exists() -> None:
    """A map that names what is gone misleads."""
    table = README.partition("## Map of the code")[2].partition("## Working")[0]
    places = re.findall(r"`((?:sink|tests|actions)/[^`]*)`", table)

    assert len(places) > 10
    assert [place for place in places if not (ROOT / place).exists()] == []
