"""Clocks, fonts and names of all pictures."""

from __future__ import annotations

from io import BytesIO

import pytest

from sink.analysis.frames import FrameError
from sink.analysis.pictures import Page, rate_forest
from sink.analysis.pictures.page import FONTS, dates, fonts, name_of
from sink.analysis.rates import interruption_rates
from tests.analysis.built import life, lives

MOMENT = 1_795_392_000_000


def test_a_page_shows_its_own_clocks() -> None:
    """The same moment in two zones."""
    assert Page(MOMENT).moment(MOMENT) == "2026-11-23 08:00 Asia/Shanghai"
    assert Page(MOMENT, "America/New_York").moment(MOMENT) == "2026-11-22 19:00 America/New_York"


@pytest.mark.parametrize("zone", ["Beijing", "", "../etc", "Asia"])
def test_an_unknown_zone_is_an_error_that_says_how_zones_are_named(zone: str) -> None:
    """And not a traceback from the standard library."""
    with pytest.raises(FrameError, match="Asia/Shanghai"):
        Page(MOMENT, zone)


def test_times_before_1970_have_a_place_on_the_axis() -> None:
    """A day before the epoch is -1."""
    assert dates([-86_400_000, 0]).tolist() == [-1.0, 0.0]


def test_only_installed_fonts_are_asked_for() -> None:
    """matplotlib complains of every other; the first is its own."""
    assert fonts()[0] == "DejaVu Sans"
    assert set(fonts()) <= set(FONTS)


@pytest.mark.skipif(len(fonts()) < 2, reason="no font with Chinese glyphs is installed")
def test_chinese_names_are_drawn_where_a_font_has_them() -> None:
    """No box for a glyph: matplotlib would warn, and warnings are errors here."""
    rates = interruption_rates(lives(life(0, 60, zone_id="华北2 可用区A")))
    rate_forest(rates, Page(MOMENT)).savefig(BytesIO(), format="png")


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font:UserWarning")
def test_chinese_names_are_no_error_without_such_a_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes are drawn, and the picture is there."""
    monkeypatch.setattr("sink.analysis.pictures.page.FONTS", ("DejaVu Sans",))
    rates = interruption_rates(lives(life(0, 60, zone_id="华北2 可用区A")))
    rate_forest(rates, Page(MOMENT)).savefig(BytesIO(), format="png")


def test_a_group_is_named_by_its_labels() -> None:
    """And everything together is all."""
    assert name_of(["a", "b"]) == "a · b"
    assert name_of([]) == "all"
