"""The frames that the analysis passes around: their columns, types, meanings and units.

Every function of the package takes and gives these frames, so their columns stand here and nowhere else:
`events → lifetimes → …` is read from the types alone. Texts that repeat are categories, times are integer
milliseconds since 1970 UTC, and what is unknown is missing (`<NA>`), never a zero and never a guess.

`require` is the first line of every function that takes a frame; `LIFETIMES.empty()` and the like are what an
empty input gives. Hours are `float` and appear only at the edge (`hours`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sink.errors import UsageError

MS_PER_HOUR = 3_600_000

LEAD_MS = 300_000
"""From the notice to the reclaim: five minutes, as ECS announces them."""
GRACE_MS = 600_000
"""A state event later than this after a notice: the instance outlived the notice."""
WINDOW_MS = 1_800_000
"""A notice counts for an end at most this much later, and for an unseen end once it is older."""

STATES = ("Pending", "Starting", "Running", "Notice", "Stopping", "Stopped", "Deleted")
"""In the order that settles ties of time. `Created` is Pending's newer name; `Notice`, the interruption."""

STAY_STATES = ("Pending", "Starting", "Running", "Stopping", "Stopped")
"""The states that last: what an interval can be in."""

OUTCOMES = (
    "interrupted",
    "interrupted_unconfirmed",
    "released",
    "notice_survived",
    "notice_pending",
    "alive",
)
"""How a life stands at `as_of`: the first three have ended, the others are censored."""

INTERRUPTED = ("interrupted", "interrupted_unconfirmed")
"""The outcomes that are the provider's doing."""

SESSION_ENDS = ("interrupted", "stopping", "crashed", "deleted", "censored")
"""How a Running stay ended; `crashed` is Stopped (or another state) without Stopping before it."""

GROUPINGS = {"zone": "zone_id", "type": "instance_type", "region": "region_id"}
"""The short names that `by=` takes, and the columns they stand for."""


class FrameError(UsageError):
    """A frame lacks a column, or a row holds what cannot be: names it, and the next step."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its pandas dtype as text, and what it means, with the unit."""

    name: str
    dtype: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one kind of frame, and the function that makes it."""

    name: str
    maker: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """A frame of this kind without rows.

        >>> len(EVENTS.empty()), str(EVENTS.empty()["event_time_ms"].dtype)
        (0, 'int64')
        """
        return self.cast(pd.DataFrame({name: [] for name in self.names}))

    def cast(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give exactly this schema's columns, in order, in their dtypes; further columns are left out.

        Raises FrameError where a column is missing.
        """
        require(frame, self)
        return frame[self.names].astype({column.name: column.dtype for column in self.columns})


def require(frame: pd.DataFrame, schema: Schema, columns: Sequence[str] | None = None) -> None:
    """Check that a frame has a schema's columns, or those of them that are named. Raises FrameError.

    >>> require(EVENTS.empty().drop(columns="state"), EVENTS)
    Traceback (most recent call last):
    sink.analysis.frames.FrameError: The events frame has no column 'state'. Make it with load_events(...), or add the column
    """  # noqa: E501
    missing = [name for name in columns or schema.names if name not in frame.columns]
    if missing:
        listed = ", ".join(repr(name) for name in missing)
        word = "columns" if len(missing) > 1 else "column"
        raise FrameError(
            f"The {schema.name} frame has no {word} {listed}",
            f"Make it with {schema.maker}, or add the {word}",
        )


def group_columns(by: str | Sequence[str]) -> list[str]:
    """The columns that `by=` means: short names, or names of columns as they are.

    >>> group_columns(["zone", "type"])
    ['zone_id', 'instance_type']
    """
    return [GROUPINGS.get(name, name) for name in ([by] if isinstance(by, str) else by)]


_PLACE = (
    Column("region_id", "category", "the region, as the event names it"),
    Column("zone_id", "category", "the zone; no event names it, an inventory snapshot does"),
    Column("instance_type", "category", "such as ecs.g7.large; from newer events or the inventory"),
)
_INSTANCE = (Column("instance_id", "category", "the instance; with region_id the key of a life"), *_PLACE)

EVENTS = Schema(
    "events",
    "load_events(...)",
    (
        *_INSTANCE,
        Column("state", "category", "one of STATES: a state change, or Notice for an interruption notice"),
        Column("event_time_ms", "int64", "when it happened, by CloudMonitor's clock, ms"),
        Column("received_at_ms", "Int64", "when the sink received it, ms"),
        Column("event_ref", "uint64", "64 bits of a hash of the event's id, or of its key where it has none"),
    ),
)

SYSTEM = Schema(
    "system",
    "load_events(...)",
    (
        *_INSTANCE,
        Column("kind", "category", "name without status: Instance:SystemMaintenance.Reboot"),
        Column("status", "category", "Scheduled Executing Executed Avoided Canceled Failed"),
        Column("event_time_ms", "int64", "when it happened, ms"),
        Column("received_at_ms", "Int64", "when the sink received it, ms"),
        Column("event_ref", "uint64", "64 bits of a hash of the event's id"),
    ),
)

INVENTORY = Schema(
    "inventory",
    "load_inventory(...)",
    (
        Column("snapshot_id", "category", "rows of one DescribeInstances sweep share it"),
        *_INSTANCE,
        Column("status", "category", "Pending Starting Running Stopping Stopped, at observed_at_ms"),
        Column("creation_time_ms", "Int64", "CreationTime, to the minute, ms"),
        Column("spot_strategy", "category", "NoSpot SpotAsPriceGo SpotWithPriceLimit"),
        Column("spot_duration", "Int64", "protected time from creation, hours; ECS's default is 1"),
        Column("observed_at_ms", "int64", "when the snapshot was taken, ms"),
        Column("complete", "boolean", "whether the snapshot saw the whole region"),
    ),
)

ACTIONS = Schema(
    "actions",
    "load_actions(...)",
    (
        Column("action_id", "string", "one run of one module on one event"),
        Column("event_key", "string", "the event it answered"),
        Column("module", "category", "restart slb_removal replace notify, or another's"),
        Column("mode", "category", "live or shadow"),
        Column("status", "category", "done skipped refused failed shadow"),
        Column("reason", "string", "why, in words"),
        Column("instance_id", "category", "the instance it acted for"),
        Column("region_id", "category", "its region"),
        Column("attempt", "Int64", "1 for the first"),
        Column("event_time_ms", "Int64", "the event's time, ms"),
        Column("started_at_ms", "Int64", "start of the action, by the sink's clock, ms"),
        Column("finished_at_ms", "Int64", "its final outcome, by the sink's clock, ms"),
        Column("notice_ms", "Int64", "length of the notice, ms"),
        Column("budget_used_ms", "Int64", "how much of it was used, ms"),
    ),
)

LIFETIMES = Schema(
    "lifetimes",
    "lifetimes(events, as_of)",
    (
        *_INSTANCE,
        Column("born_ms", "Int64", "creation, ms: first Pending, else the inventory's CreationTime"),
        Column("born_source", "category", "event, inventory, or <NA> for unknown"),
        Column("entry_ms", "int64", "first seen, ms: first event of any kind, or an earlier snapshot"),
        Column("truncated", "bool", "entered late: not seen from its birth"),
        Column("end_ms", "int64", "the end, or as_of for a life that is censored there, ms"),
        Column("end_source", "category", "deleted, notice_imputed, inventory, or as_of (censored)"),
        Column("end_after_ms", "Int64", "an end the inventory found lies in (end_after_ms, end_ms], ms"),
        Column("ended", "bool", "whether the life has ended; censored if not"),
        Column("outcome", "category", "one of OUTCOMES"),
        Column("cause_uncertain", "bool", "died so soon after recording began that a notice may predate it"),
        Column("notice_ms", "Int64", "the latest notice that counts, ms"),
        Column("last_event_ms", "int64", "the last kept event or sighting, ms"),
        Column("running_ms", "int64", "time seen Running, ms"),
        Column("protected_ms", "Int64", "of it in the protected time after birth, ms; <NA> without birth"),
        Column("starts", "int64", "Running stays"),
        Column("stops", "int64", "Stopped stays"),
        Column("illegal_steps", "int64", "steps between states that no instance takes: an event was lost"),
        Column("spot_strategy", "category", "from the inventory"),
        Column("spot_duration", "Int64", "protected time from creation, hours, from the inventory"),
    ),
)

INTERVALS = Schema(
    "intervals",
    "intervals(events, as_of)",
    (
        *_INSTANCE,
        Column("stay", "int64", "0 for the life's first stay, 1, 2, …"),
        Column("state", "category", "one of STAY_STATES"),
        Column("start_ms", "int64", "its event, ms"),
        Column("end_ms", "int64", "the next kept event or the life's end, ms; the end is not part of it"),
        Column("next_state", "category", "a state, Deleted, Gone (no event seen); <NA>: censored"),
        Column("illegal", "bool", "no instance steps into this state from the one before: an event was lost"),
        Column("sighted", "bool", "begins with an inventory sighting, not with an event"),
        Column("born_ms", "Int64", "the life's birth, ms, where known"),
        Column("notice_ms", "Int64", "the latest notice inside this stay, ms"),
    ),
)

SESSIONS = Schema(
    "sessions",
    "running_sessions(states)",
    (
        *_INSTANCE,
        Column("session", "int64", "0 for the life's first Running stay, 1, 2, …"),
        Column("start_ms", "int64", "Running, ms"),
        Column("end_ms", "int64", "end of the Running stay, ms"),
        Column("end", "category", "one of SESSION_ENDS"),
        Column("reboot", "bool", "went from Stopping to Starting without Stopped, or a reboot ran inside it"),
        Column("notice_ms", "Int64", "the notice that ended it, ms"),
        Column("recovered_ms", "Int64", "start of the next Running stay, ms; <NA> for none by as_of"),
        Column("watched_until_ms", "int64", "recovered_ms, else the life's end or as_of, ms"),
    ),
)

NOTICES = Schema(
    "notices",
    "interruption_notices(events)",
    (
        *_INSTANCE,
        Column("notice_ms", "int64", "the interruption notice, ms; the latest of those for one reclaim"),
        Column("first_notice_ms", "int64", "the first of them, ms"),
        Column("notices", "int64", "how many there were"),
        Column("received_at_ms", "Int64", "when the sink received the first, ms by the sink's clock"),
        Column("drained_ms", "Int64", "when a draining action was done, ms by the sink's clock"),
        Column("gone_ms", "Int64", "Deleted, or Stopped in stop mode, at most WINDOW_MS later, ms"),
        Column("gone_state", "category", "Deleted or Stopped; <NA> where neither was seen"),
        Column("lead_ms", "Int64", "gone_ms - notice_ms"),
        Column("receive_delay_ms", "Int64", "received_at_ms - first_notice_ms; two clocks"),
        Column("drain_ms", "Int64", "drained_ms - first_notice_ms; two clocks"),
        Column("drained_in_time", "boolean", "drained before gone; <NA> where gone was not seen"),
    ),
)

CAPACITY = Schema(
    "capacity",
    "running_count(states, window)",
    (
        Column("at_ms", "int64", "from this moment on, ms"),
        Column("running", "int64", "instances, until the group's next row; the columns of by= follow"),
    ),
)

QUALITY = Schema(
    "quality",
    "quality_report(events, life, states)",
    (
        Column("measure", "string", "what is counted"),
        Column("value", "Float64", "the figure; <NA> where there is nothing to measure"),
        Column("unit", "string", "events lives steps share ms hours"),
        Column("meaning", "string", "what it says about the report's trustworthiness"),
    ),
)
