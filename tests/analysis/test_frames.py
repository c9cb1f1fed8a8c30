"""The schemas of the frames."""

from __future__ import annotations

import pandas as pd
import pytest

from sink.analysis import frames
from sink.analysis.frames import EVENTS, FrameError, Schema, group_columns, require

SCHEMAS = [value for value in vars(frames).values() if isinstance(value, Schema)]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_every_column_says_what_it_means(schema: Schema) -> None:
    """And an empty frame has the types that it says."""
    assert all(len(column.meaning) > 5 for column in schema.columns)
    assert schema.empty().dtypes.astype(str).tolist() == [column.dtype for column in schema.columns]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_times_and_spans_in_ms_are_integers(schema: Schema) -> None:
    """Hours are floats only at the edge."""
    assert {c.dtype for c in schema.columns if c.name.endswith("_ms")} <= {"int64", "Int64"}


def test_several_missing_columns_are_all_named() -> None:
    """So that one correction is enough."""
    with pytest.raises(FrameError, match=r"no columns 'state', 'event_ref'\. Make it with load_events"):
        require(EVENTS.empty().drop(columns=["event_ref", "state"]), EVENTS)


def test_further_columns_are_left_out() -> None:
    """Users may carry their own."""
    assert EVENTS.cast(EVENTS.empty().assign(note="x")).columns.tolist() == EVENTS.names


def test_a_grouping_is_a_short_name_or_a_column() -> None:
    """`zone` for zone_id."""
    assert group_columns("zone") == ["zone_id"]
    assert group_columns(["type", "instance_id"]) == ["instance_type", "instance_id"]


def test_what_cannot_be_cast_is_refused() -> None:
    """A text is no time."""
    with pytest.raises(ValueError, match="invalid literal"):
        EVENTS.cast(pd.DataFrame({name: ["x"] for name in EVENTS.names}))
