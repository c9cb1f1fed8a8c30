"""Restarts: how often, how soon, and what flaps."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from sink.analysis.frames import ACTIONS, SESSIONS, FrameError
from sink.analysis.restarts import flapping, outages, restart_outcomes
from tests.analysis.built import HOUR, MINUTE, actions, session, sessions


def _down(number: int, minutes: int | None, watched: int = 600) -> dict[str, object]:
    """A stop that recovered after so many minutes, or was watched for `watched` without."""
    until = (100 + (watched if minutes is None else minutes)) * MINUTE
    recovered = None if minutes is None else until
    return session(0, 100, instance=f"i-{number:04d}", recovered_ms=recovered, watched_until_ms=until)


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({"end": "stopping"}, True),
        ({"end": "crashed"}, True),
        ({"end": "stopping", "reboot": True}, False),
        ({"end": "interrupted"}, False),
        ({"end": "deleted"}, False),
        ({"end": "censored"}, False),
    ],
)
def test_an_outage_is_a_stop_that_is_no_reboot_and_no_reclaim(given: dict[str, Any], counts: bool) -> None:
    """Stopping to Starting is a reboot; what was taken or deleted is not meant to come back."""
    assert len(outages(sessions(session(0, 10, **given)))) == int(counts)


def test_an_outage_lasts_until_running_or_as_long_as_it_was_watched() -> None:
    """The wait of one that is still down is censored there."""
    found = outages(sessions(_down(0, 7), _down(1, None, 30)))
    assert found["waited_ms"].tolist() == [7 * MINUTE, 30 * MINUTE]
    assert found["recovered"].tolist() == [True, False]


def test_an_outage_is_answered_by_the_restart_for_an_event_within_it() -> None:
    """Not by one before it, nor for another instance, nor by another module."""
    stops = sessions(_down(0, 7))
    answered: dict[str, dict[str, Any]] = {
        "done": {"event_time_ms": 101 * MINUTE},
        "before": {"event_time_ms": 99 * MINUTE},
        "after": {"event_time_ms": 120 * MINUTE},
        "another": {"event_time_ms": 101 * MINUTE, "instance_id": "i-0001"},
        "module": {"event_time_ms": 101 * MINUTE, "module": "notify"},
    }
    found = {name: outages(stops, actions(row))["answer"].iloc[0] for name, row in answered.items()}
    assert found == {"done": "done"} | dict.fromkeys(("before", "after", "another", "module"), "none")


def test_the_first_answer_counts() -> None:
    """Refused first, done later: the outage was answered by a refusal."""
    rows = [
        {"event_time_ms": 103 * MINUTE, "status": "done"},
        {"event_time_ms": 101 * MINUTE, "status": "refused"},
    ]
    assert outages(sessions(_down(0, 7)), actions(*rows))["answer"].tolist() == ["refused"]


def test_no_actions_answer_nothing() -> None:
    """Neither an empty frame nor none at all."""
    stops = sessions(_down(0, 7))
    assert outages(stops, ACTIONS.empty())["answer"].tolist() == ["none"]
    assert outages(stops)["answer"].tolist() == ["none"]


def test_the_share_that_recovered_has_wilsons_interval() -> None:
    """Three of four within ten minutes; by Wilson's formula 0.301 to 0.954."""
    stops = outages(sessions(_down(0, 1), _down(1, 2), _down(2, 10), _down(3, 11)))
    row = restart_outcomes(stops).iloc[0]
    assert (row["stops"], row["recovered"], row["share"]) == (4, 3, 0.75)
    assert (row["low"], row["high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(3, 4, method="wilson"))


def test_a_stop_watched_too_shortly_is_undecided() -> None:
    """Down for five minutes at the end of the data: neither a success nor a failure."""
    row = restart_outcomes(outages(sessions(_down(0, 1), _down(1, None, 5)))).iloc[0]
    assert (row["stops"], row["undecided"], row["recovered"], row["share"]) == (2, 1, 1, 1.0)


def test_all_undecided_have_no_share() -> None:
    """Nothing to divide by."""
    row = restart_outcomes(outages(sessions(_down(0, None, 5)))).iloc[0]
    assert row[["share", "low", "high", "median_ms"]].isna().all()


def test_the_median_counts_those_still_down() -> None:
    """Of five two came back at once; the mean of those two would flatter, the median is not reached."""
    rows = [_down(0, 1), _down(1, 1), *(_down(n, None, 60) for n in (2, 3, 4))]
    assert pd.isna(restart_outcomes(outages(sessions(*rows)))["median_ms"].iloc[0])


def test_time_to_running_has_quantiles() -> None:
    """Ten recoveries after 1 to 10 minutes: statsmodels' quantile is the first time below."""
    row = restart_outcomes(outages(sessions(*(_down(n, n) for n in range(1, 11))))).iloc[0]
    assert (row["median_ms"], row["p90_ms"]) == (6 * MINUTE, 10 * MINUTE)


def test_outcomes_are_told_by_answer() -> None:
    """What the sink restarted stands apart from what it left alone."""
    stops = outages(sessions(_down(0, 2), _down(1, None)), actions({"event_time_ms": 100 * MINUTE}))
    found = restart_outcomes(stops).set_index("answer")["share"]
    assert found.to_dict() == {"done": 1.0, "none": 0.0}


def test_three_starts_in_half_an_hour_flap() -> None:
    """The third start lies within thirty minutes of the first, both ends counted."""
    rows = [session(0, 14), session(15, 29), session(30, 300)]
    found = flapping(sessions(*rows)).iloc[0]
    assert (found["starts"], found["most_starts"], found["last_end"]) == (3, 3, "stopping")


def test_three_starts_in_more_than_half_an_hour_do_not_flap() -> None:
    """One minute beyond."""
    assert flapping(sessions(session(0, 14), session(15, 29), session(31, 300))).empty


def test_starts_of_other_instances_do_not_count() -> None:
    """Three instances that start together are a launch."""
    assert flapping(sessions(*(session(n, 300, instance=f"i-{n}") for n in range(3)))).empty


def test_the_same_id_in_two_regions_is_two_instances() -> None:
    """An instance is known by its region and id."""
    rows = [session(n, n + 300, region_id=region) for n, region in enumerate(["a", "b", "c"])]
    assert flapping(sessions(*rows)).empty


def test_short_up_times_flap() -> None:
    """Started twice, far apart, and up for five minutes each."""
    found = flapping(sessions(session(0, 5), session(600, 605)))
    assert found["median_running_ms"].tolist() == [5 * MINUTE]


def test_a_stay_that_goes_on_is_not_short() -> None:
    """Up for two minutes when the data end: how long it lasts is unknown."""
    rows = [session(0, 300), session(600, 602, end="censored")]
    assert flapping(sessions(*rows)).empty


def test_one_short_life_does_not_flap() -> None:
    """Reclaimed after five minutes is bad luck, not flapping."""
    assert flapping(sessions(session(0, 5, end="interrupted"))).empty


def test_no_sessions_give_no_rows() -> None:
    """An empty log is no error."""
    assert outages(SESSIONS.empty(), ACTIONS.empty()).empty
    assert restart_outcomes(outages(SESSIONS.empty())).empty
    assert flapping(SESSIONS.empty()).empty


def test_a_missing_column_is_named() -> None:
    """With the function that makes the frame."""
    with pytest.raises(FrameError, match=r"'reboot'.*running_sessions"):
        outages(sessions(session(0, 10)).drop(columns="reboot"))


def test_the_key_of_a_wait_is_in_the_units_it_names() -> None:
    """A day is 24 hours of ms."""
    assert outages(sessions(session(0, 60)))["waited_ms"].tolist() == [24 * HOUR]
