"""`sink report`: pages that load nothing, pictures beside them, and errors that say what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sink.cli.report import NOTEBOOKS, Parameters, ReportError, check_installed, load_notebook, write_report
from sink.errors import ConfigError, UsageError


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One notebook of the sample, as a report."""
    out = tmp_path_factory.mktemp("report") / "deep" / "er"
    write_report(Parameters(source="sample"), out, ["actions"])
    return out


def test_a_page_and_its_pictures_are_written(pages: Path) -> None:
    """HTML by the notebook's name, PNG by the name of its cell."""
    assert sorted(path.name for path in pages.iterdir()) == [
        "actions.drains.png",
        "actions.html",
        "actions.restart-ladder.png",
    ]


def test_pictures_are_png(pages: Path) -> None:
    """To be put into a wiki or a mail."""
    assert (pages / "actions.drains.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_loads_nothing_from_anywhere(pages: Path) -> None:
    """No script, style, font or picture by address: it reads the same without a network."""
    html = (pages / "actions.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']+""", html)
    assert "<script" not in html
    assert not re.findall(r"(?:url\(|import )['\"]?https?:", html)


def test_pictures_say_what_they_are_of(pages: Path) -> None:
    """To those who cannot see them."""
    html = (pages / "actions.html").read_text(encoding="utf-8")
    assert re.findall(r'alt="([^"]+)"', html) == [
        "One line a stop, as long as it took to run again, by answer of the restart action",
        "Histograms of seconds from notice to gone and to drained, with the five-minute limit",
    ]


def test_a_page_shows_figures_and_no_code(pages: Path) -> None:
    """Operators read it; the code is in the notebook."""
    html = (pages / "actions.html").read_text(encoding="utf-8")
    assert "What this does not show" in html
    pictures = re.findall(r"<img[^>]+>", html)
    assert len(pictures) == 2
    assert all("data:image/png;base64," in picture for picture in pictures)
    assert "read_history" not in html


def test_given_parameters_follow_the_notebook_s_own() -> None:
    """So that what is not given keeps the default that the notebook names."""
    cells = load_notebook("interruptions", Parameters(source="a'b", since="7d")).cells
    assert "need = 0" in cells[1].source
    assert """source = "a'b"\nconfig = 'config.ini'\nsince = '7d'""" in cells[2].source


def test_a_missing_extra_is_named_with_the_command_that_brings_it() -> None:
    """pip's own words, to be copied."""
    with pytest.raises(UsageError, match=r"needs nbconvert. pip install 'ecs-event-sink\[notebooks\]'"):
        check_installed(lambda name: name != "nbconvert")


def test_what_is_installed_is_no_complaint() -> None:
    """As here."""
    check_installed()


def test_an_unknown_notebook_is_named_with_the_known_ones() -> None:
    """A slip of the pen."""
    with pytest.raises(UsageError, match=", ".join(NOTEBOOKS)):
        load_notebook("lifecycle", Parameters())


def test_what_a_cell_complains_of_is_said_in_its_own_words(tmp_path: Path) -> None:
    """The message of the error without the notebook's traceback, and no page of noughts."""
    with pytest.raises(ReportError, match=r"There is no file nowhere\.jsonl"):
        write_report(Parameters(source="nowhere.jsonl"), tmp_path, ["actions"])
    assert not list(tmp_path.iterdir())


def test_a_report_of_a_logstore_needs_its_configuration(tmp_path: Path) -> None:
    """A slip in --config must not become a report on the sample."""
    with pytest.raises(ConfigError, match="there is no such file"):
        write_report(Parameters(config=str(tmp_path / "confg.ini")), tmp_path)
