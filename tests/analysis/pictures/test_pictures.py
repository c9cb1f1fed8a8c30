"""Every picture: what it names, that nothing is cut off, and that it shows what its frame says."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sink.analysis.capacity import running_count
from sink.analysis.frames import INTERVALS, LIFETIMES, NOTICES, SESSIONS
from sink.analysis.pictures import (
    Page,
    incidence_curves,
    lifetime_lanes,
    notice_histogram,
    rate_forest,
    restart_ladder,
    running_stack,
    survival_curves,
    week_map,
)
from sink.analysis.profiles import rates_by_hour
from sink.analysis.rates import interruption_rates
from sink.analysis.restarts import outages
from tests.analysis.built import HOUR, MINUTE, life, lives, notices, running, session, sessions

START = 1_795_392_000_000
PAGE = Page(START + 60 * HOUR)
"""2026-11-25 20:00 in Shanghai."""

_OUTCOMES = ("interrupted", "released", "alive")
LIFE = lives(
    *(
        life(
            n,
            1.0 + n,
            _OUTCOMES[n % 3],
            born_ms=START + n * HOUR,
            zone_id=f"cn-beijing-{'ab'[n % 2]}",
        )
        for n in range(24)
    )
)
STATES = running(LIFE)
NOTICED = notices(
    *LIFE["notice_ms"].dropna(), lead_ms=5 * MINUTE, drain_ms=40_000, gone_ms=START, gone_state="Deleted"
)
DOWN = outages(
    sessions(
        session(0, 10, recovered_ms=17 * MINUTE, watched_until_ms=17 * MINUTE),
        session(0, 10, instance="i-0001", watched_until_ms=30 * MINUTE),
    )
)
_WINDOW = (START, START + 60 * HOUR)

FULL: dict[str, Callable[[], Figure]] = {
    "lanes": lambda: lifetime_lanes(LIFE, STATES, PAGE),
    "survival": lambda: survival_curves(LIFE, PAGE, by="zone"),
    "incidence": lambda: incidence_curves(LIFE, PAGE),
    "forest": lambda: rate_forest(interruption_rates(LIFE), PAGE),
    "stack": lambda: running_stack(running_count(STATES, _WINDOW), NOTICED, PAGE),
    "week": lambda: week_map(rates_by_hour(LIFE, STATES, zone=PAGE.zone), PAGE),
    "notices": lambda: notice_histogram(NOTICED, PAGE),
    "ladder": lambda: restart_ladder(DOWN, PAGE),
}

EMPTY: dict[str, Callable[[], Figure]] = {
    "lanes": lambda: lifetime_lanes(LIFETIMES.empty(), INTERVALS.empty(), PAGE),
    "survival": lambda: survival_curves(LIFETIMES.empty(), PAGE),
    "incidence": lambda: incidence_curves(LIFETIMES.empty(), PAGE),
    "forest": lambda: rate_forest(interruption_rates(LIFETIMES.empty()), PAGE),
    "stack": lambda: running_stack(running_count(INTERVALS.empty(), (0, 1)), NOTICES.empty(), PAGE),
    "week": lambda: week_map(rates_by_hour(LIFETIMES.empty(), INTERVALS.empty(), zone="UTC"), PAGE),
    "notices": lambda: notice_histogram(NOTICES.empty(), PAGE),
    "ladder": lambda: restart_ladder(outages(SESSIONS.empty()), PAGE),
}


def _texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize("name", FULL)
def test_every_picture_names_its_number_hours_zone_and_moment(name: str) -> None:
    """It is looked at without the notebook around it."""
    figure = FULL[name]()
    assert "n = " in figure.get_suptitle()
    assert " h " in figure.get_suptitle()
    assert "as of 2026-11-25 20:00 Asia/Shanghai" in figure.get_supxlabel()


@pytest.mark.parametrize("name", FULL)
def test_nothing_of_a_picture_is_cut_off(name: str) -> None:
    """Titles, labels and legends lie within the page."""
    figure = FULL[name]()
    figure.savefig(BytesIO(), format="png")
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert drawn.x0 >= -0.05
    assert drawn.y0 >= -0.05
    assert drawn.x1 <= width + 0.05
    assert drawn.y1 <= height + 0.05


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_log_gives_a_picture_that_says_why(name: str) -> None:
    """No exception, no empty axes: a sentence."""
    figure = EMPTY[name]()
    figure.savefig(BytesIO(), format="png")
    assert "n = 0, 0 h" in figure.get_suptitle()
    assert any(word in _texts(figure) for word in ("No ", "was seen"))


@pytest.mark.parametrize("name", FULL)
def test_no_picture_changes_the_settings_of_others(name: str) -> None:
    """Our style holds inside a picture only."""
    before = dict(mpl.rcParams)
    FULL[name]()
    assert dict(mpl.rcParams) == before


def test_a_fleet_larger_than_the_page_says_what_it_shows() -> None:
    """Ten lanes of 24 lives, those that were first seen last."""
    figure = lifetime_lanes(LIFE, STATES, PAGE, lanes=10)
    assert "the 10 that were first seen last, of 24" in figure.get_supxlabel()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"i-{n:04d}" for n in range(14, 24)]


def test_lanes_tell_reclaimed_released_and_open_ends_apart() -> None:
    """Eight of each, by three different marks."""
    marks = {line.get_label(): line for line in lifetime_lanes(LIFE, STATES, PAGE).axes[0].get_lines()}
    assert {name: len(marks[name].get_xdata()) for name in ("reclaimed", "released", "open")} == {  # type: ignore[arg-type]
        "reclaimed": 8,
        "released": 8,
        "open": 8,
    }
    assert len({marks[name].get_marker() for name in ("reclaimed", "released", "open", "notice")}) == 4


def test_groups_differ_in_more_than_colour() -> None:
    """Line styles part the curves in grey print."""
    lines = survival_curves(LIFE, PAGE, by="zone").axes[0].get_lines()
    assert [line.get_linestyle() for line in lines] == ["-", "--"]


def test_the_numbers_at_risk_are_those_watched_at_each_tick() -> None:
    """The first is everybody, the last nobody."""
    figure = survival_curves(LIFE, PAGE)
    numbers = [text.get_text() for text in figure.axes[1].texts]
    assert numbers[0] == "24"
    at_ten = figure.axes[1].texts[2]
    assert (at_ten.get_position()[0], at_ten.get_text()) == (10.0, "14")


def test_of_many_groups_the_largest_are_drawn() -> None:
    """No more than there are colours, and the note says of how many."""
    many = lives(*(life(n, 5, instance_type=f"type-{n % 11}") for n in range(33)))
    figure = survival_curves(many, PAGE, by="type")
    assert "8 of 11 groups" in figure.get_supxlabel()


def test_the_forest_prints_events_hours_and_rank() -> None:
    """What each interval rests on stands beside it."""
    rates = interruption_rates(LIFE, by="zone")
    figure = rate_forest(rates, PAGE)
    printed = [text.get_text() for text in figure.axes[1].texts]
    assert printed[printed.index("events") + 1 :][:2] == [
        str(n) for n in rates.sort_values("rate", ascending=False)["events"]
    ]
    assert "–" in printed


def test_hours_in_which_nobody_ran_are_blank_and_not_zero() -> None:
    """A square without exposure has no rate."""
    frame = lives(life(0, 1, born_ms=START))
    image = week_map(rates_by_hour(frame, running(frame), zone=PAGE.zone), PAGE).axes[0].images[0].get_array()
    assert image is not None
    values = np.ma.filled(image.astype(float), np.nan)
    assert np.isfinite(values).sum() == 1


def test_the_limit_is_marked_in_both_histograms() -> None:
    """Five minutes, in seconds."""
    for axes in notice_histogram(NOTICED, PAGE).axes:
        assert [line.get_label() for line in axes.get_lines()] == ["300 s"]


def test_histograms_say_what_they_leave_out() -> None:
    """Half of the notices were never drained."""
    half = NOTICED.assign(drain_ms=NOTICED["drain_ms"].where(NOTICED.index < 4))
    titles = [axes.get_title(loc="left") for axes in notice_histogram(half, PAGE).axes]
    assert "0 not seen gone" in titles[0]
    assert "4 not seen drained" in titles[1]


def test_a_clock_that_runs_behind_is_seen_and_not_clipped_away() -> None:
    """A drain that seems to precede its notice is two clocks apart, and stays in the picture."""
    early = NOTICED.assign(drain_ms=pd.array([-20_000] * len(NOTICED), dtype="Int64"))
    drawn = notice_histogram(early, PAGE).axes[1].patches
    assert sum(bar.get_height() for bar in drawn) == len(early)  # type: ignore[attr-defined]


def test_who_is_still_down_is_drawn_as_open() -> None:
    """One rung ends in a full mark, one in an arrow."""
    axes = restart_ladder(DOWN, PAGE).axes[0]
    marks = [line.get_marker() for line in axes.get_lines() if len(np.atleast_1d(line.get_xdata())) == 1]
    assert marks == ["o", ">"]


def test_the_stack_adds_up_to_the_running_count() -> None:
    """Hours under the stack are the running hours within the window."""
    assert f"{LIFE['running_ms'].sum() / HOUR:,.0f} h Running" in FULL["stack"]().get_suptitle()


def test_hours_of_a_curve_are_those_of_the_lives_in_it() -> None:
    """A life without a birth is not in the curve, and neither are its hours."""
    frame = lives(life(0, 10), life(1, 90, born_ms=None))
    assert "n = 1 lives with a known birth, 10 h Running" in survival_curves(frame, PAGE).get_suptitle()
