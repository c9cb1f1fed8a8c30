"""Billed hours by local day, and prices that the user supplies."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sink.analysis.cost import billed_hours, cost, lost_work
from sink.analysis.frames import LIFETIMES, FrameError
from tests.analysis.built import HOUR, life, lives

DAY = 24 * HOUR


def _hours(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"instance_type": ["g7"], "zone_id": ["a"], "hours": [10.0]} | columns)


def test_hours_are_billed_from_creation_to_release() -> None:
    """Stopped hours and those before the first sight are billed as well."""
    frame = lives(life(0, 5, entry_ms=3 * HOUR, truncated=True, running_ms=HOUR))
    assert billed_hours(frame, 0, DAY, zone="UTC")["hours"].tolist() == [5.0]


def test_days_are_those_of_the_local_calendar() -> None:
    """Midnight in Shanghai is 16:00 UTC."""
    found = billed_hours(lives(life(0, 20)), 0, DAY, zone="Asia/Shanghai")
    assert found[["day", "hours"]].values.tolist() == [["1970-01-01", 16.0], ["1970-01-02", 4.0]]


def test_a_day_on_which_clocks_change_has_its_own_length() -> None:
    """New York's 2026-11-01 has 25 hours."""
    start = round(pd.Timestamp("2026-11-01", tz="America/New_York").timestamp() * 1000)
    frame = lives(life(0, 48, "alive", born_ms=start))
    found = billed_hours(frame, start, start + 48 * HOUR, zone="America/New_York")
    assert found["hours"].tolist() == [25.0, 23.0]


def test_hours_outside_the_window_do_not_count() -> None:
    """Half open: from since to until."""
    assert billed_hours(lives(life(0, 10)), 2 * HOUR, 5 * HOUR, zone="UTC")["hours"].sum() == 3


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 90)), min_size=1, max_size=10))
def test_all_days_sum_to_the_lives(spans: list[tuple[int, int]]) -> None:
    """Nothing is lost at midnight."""
    frame = lives(*(life(n, hours, born_ms=born * HOUR) for n, (born, hours) in enumerate(spans)))
    found = billed_hours(frame, 0, 300 * HOUR, zone="Asia/Shanghai")
    assert found["hours"].sum() == pytest.approx(sum(hours for _, hours in spans))


@pytest.mark.parametrize(
    "given", [{"born_ms": None, "entry_ms": 0}, {"end_source": "notice_imputed"}, {"end_source": "inventory"}]
)
def test_hours_whose_beginning_or_end_nobody_saw_are_uncertain(given: dict[str, Any]) -> None:
    """One lost Deleted bills on for ever: such hours stand beside the rest."""
    found = billed_hours(lives(life(0, 5), life(1, 7, **given)), 0, DAY, zone="UTC")
    assert found[["hours", "uncertain_hours"]].values.tolist() == [[12.0, 7.0]]


def test_an_empty_window_is_an_error() -> None:
    """With the next step, and not a table of nothing."""
    with pytest.raises(FrameError, match="later than"):
        billed_hours(lives(life()), 5, 5, zone="UTC")


def test_an_unknown_zone_is_an_error() -> None:
    """And no day of somewhere else."""
    with pytest.raises(FrameError, match="no time zone 'Peking'"):
        billed_hours(lives(life()), 0, DAY, zone="Peking")


def test_hours_are_multiplied_by_the_price_of_their_row() -> None:
    """And compared with on demand where its price is given."""
    prices = pd.DataFrame({"instance_type": ["g7", "c7"], "price": [0.3, 9.0], "on_demand": [1.0, 9.0]})
    row = cost(_hours(), prices).iloc[0]
    assert (row["cost"], row["on_demand_cost"], row["saved"]) == (3.0, 10.0, 7.0)


def test_without_an_on_demand_price_nothing_is_said_to_be_saved() -> None:
    """No price is guessed."""
    assert "saved" not in cost(_hours(), pd.DataFrame({"instance_type": ["g7"], "price": [0.3]}))


@pytest.mark.parametrize(
    ("prices", "complaint"),
    [
        ({"instance_type": ["c7"], "price": [1]}, "no price for instance_type g7"),
        ({"instance_type": ["g7", "g7"], "price": [1, 2]}, r"instance_type g7 \(row 1\) twice"),
        ({"instance_type": ["g7"], "price": [-1]}, r"price of instance_type g7 \(row 0\) is -1"),
        ({"instance_type": ["g7"], "price": ["cheap"]}, "is 'cheap'"),
        ({"instance_type": ["g7"], "price": [1], "on_demand": [None]}, "on_demand of instance_type g7"),
        ({"instance_type": ["g7"]}, "They need `price`"),
        ({"price": [1]}, "one or more of instance_type"),
        ({"region_id": ["r"], "price": [1]}, "no column 'region_id'"),
    ],
)
def test_a_price_that_is_missing_doubled_or_no_amount_is_named(
    prices: dict[str, Any], complaint: str
) -> None:
    """Never a cost of nothing because a row was not found."""
    with pytest.raises(FrameError, match=complaint):
        cost(_hours(), pd.DataFrame(prices))


def test_a_group_without_hours_needs_no_price() -> None:
    """Nothing times unknown is nothing to complain of."""
    priced = cost(_hours(hours=[0.0]), pd.DataFrame({"instance_type": ["c7"], "price": [1.0]}))
    assert priced["cost"].isna().all()


def test_a_reclaim_throws_away_at_most_the_time_since_the_last_checkpoint() -> None:
    """A life of half an hour loses half an hour, one of ten at most two; a released one none."""
    found = lost_work(lives(life(0, 0.5), life(1, 10), life(2, 10, "released")), 2.0)
    assert found[["interruptions", "hours"]].values.tolist() == [[2, 2.5]]


def test_lost_work_can_be_priced() -> None:
    """It has the columns that `cost` asks for."""
    prices = pd.DataFrame({"instance_type": ["ecs.g7.large"], "price": [2.0]})
    assert cost(lost_work(lives(life(0, 10)), 2.0), prices)["cost"].tolist() == [4.0]


def test_no_lives_cost_nothing() -> None:
    """An empty log is no error."""
    assert billed_hours(LIFETIMES.empty(), 0, DAY, zone="UTC").empty
    assert lost_work(LIFETIMES.empty(), 1.0).empty
