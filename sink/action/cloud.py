"""What an action is handed: the cloud as it may ask and order it, and the run that it is part of.

Every method of `Cloud` is a step: it is timed, told to the run and so stands in the action's record with its
result. Reads give values of this module, which are plain enough to become JSON and back: `sink replay`
answers the same questions from the record instead of from the cloud. Orders are durable twice: the
ledger knows of one before it is called and after it was answered.

`sink.cloud` keeps this contract on Alibaba Cloud and on the embedded one alike. All of it raises CloudError
and nothing else; throttling, concurrent edits of one balancer and lost connections are dealt with below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Product = Literal["clb", "alb", "nlb"]
GroupKind = Literal["default", "vserver", "master_slave", "server_group"]


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as DescribeInstances shows it. Times are ms since 1970; None is never or unknown."""

    instance_id: str
    region_id: str
    status: str
    """`Pending Starting Running Stopping Stopped`."""
    zone_id: str = ""
    name: str = ""
    instance_type: str = ""
    charge_type: str = ""
    """`PostPaid` or `PrePaid`."""
    tags: Mapping[str, str] = field(default_factory=dict)
    locks: tuple[str, ...] = ()
    """Reasons of its operation locks in lower case: `recycling financial security …`."""
    spot_strategy: str = "NoSpot"
    spot_interruption_behavior: str = ""
    stopped_mode: str = ""
    """`StopCharging KeepCharging Not-applicable`."""
    created_at_ms: int | None = None
    started_at_ms: int | None = None
    """When it was last started, to the minute."""
    expires_at_ms: int | None = None
    auto_release_at_ms: int | None = None
    read_at_ms: int = 0
    """When this was read: a cached one is older."""

    @property
    def is_spot(self) -> bool:
        """Tell whether it is a preemptible instance."""
        return self.spot_strategy not in ("", "NoSpot")


@dataclass(frozen=True, slots=True)
class News:
    """An event of an instance, as far as others need it: what, how it stood, and when (ms)."""

    kind: str
    status: str
    """The status of an O&M event, or the state of a StateChange."""
    event_time_ms: int
    event_key: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody ordered an instance to do, after ActionTrail."""

    name: str
    """The API: `StopInstance`, also where it was done on the console."""
    at_ms: int
    by: str
    """Who: the user's or role's name, or `root`."""
    event_type: str
    """`ApiCall ConsoleOperation AliyunServiceEvent …`."""
    access_key_id: str = ""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run of the same module for the same instance, carried out or about to be."""

    event_key: str
    admitted_at_ms: int
    status: str
    """`done` or `failed`; empty while it goes on."""


@dataclass(frozen=True, slots=True)
class ScalingMember:
    """An instance's place in a scaling group of ESS."""

    scaling_group_id: str
    lifecycle_state: str
    """`InService Standby Removing …`."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of backends, wherever it hangs. Equal values are the same group."""

    product: Product
    kind: GroupKind
    group_id: str
    """Of a default group, its balancer's id."""
    balancer_id: str
    """Edits under one of these go one after another; of ALB and NLB, the group's own id."""
    region_id: str


@dataclass(frozen=True, slots=True)
class Backend:
    """A server in a group. An instance can be there several times, by different ports."""

    server_id: str
    port: int
    """0 in a default group, whose listeners say the port."""
    weight: int
    healthy: bool = True
    """Whether its health check passes, as far as the product tells; True where it tells nothing."""
    type: str = "ecs"
    """`ecs`, `eni`, …: as the product spells it."""
    address: str = ""
    """Of a backend that is known by its address."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instance serves: a backend of a group."""

    group: Group
    backend: Backend


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group with its backends, at the moment (ms) when they were read."""

    group: Group
    backends: tuple[Backend, ...]
    read_at_ms: int

    @property
    def serving(self) -> frozenset[str]:
        """The ids of the servers that take traffic: a weight above 0, and healthy."""
        return frozenset(one.server_id for one in self.backends if one.weight > 0 and one.healthy)

    @property
    def servers(self) -> frozenset[str]:
        """The ids of all of its servers."""
        return frozenset(one.server_id for one in self.backends)

    def of(self, server_id: str) -> tuple[Backend, ...]:
        """The backends that are this server."""
        return tuple(one for one in self.backends if one.server_id == server_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was asked or ordered in a run, for its record."""

    step: str
    """What, with its object: `instance i-bp1…`, `weight 0 rsp-bp1…`."""
    result: Any = None
    """What came of it, as JSON has it; of a read, the value from which the same value can be made again."""
    api: str = ""
    """The vendor's API; empty where none was called: cache, waiting, guards."""
    request_id: str = ""
    ms: int = 0
    """How long it took."""
    used_ms: int | None = None
    """How much of the notice had been used when it ended; None without a notice."""


class Run(Protocol):
    """One run of an action on one event: its time, its memory, its record."""

    @property
    def deadline_ms(self) -> int | None:
        """When the time that the event leaves is over, ms since 1970. Calls of the earlier go first."""

    @property
    def pace(self) -> float:
        """How many times faster than life the cloud lives: 1 on Alibaba Cloud, more on an embedded one."""

    @property
    def notes(self) -> Mapping[str, Any]:
        """What was noted so far, before a restart of the sink too."""

    def begun(self, order: str) -> int | None:
        """When this order was first given (ms), in this run or before a restart; None if it was not."""

    def now_ms(self) -> int:
        """The wall clock."""

    def news(self, instance_id: str) -> Sequence[News]:
        """Events of the instance that were received lately, the oldest first, this run's own included."""

    async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
        """Wait until an event of the instance is received, at most so long at the cloud's pace."""

    async def earlier(self, instance_id: str, since_ms: int) -> Sequence[Earlier]:
        """This module's other runs for the instance that were admitted since then, oldest first."""

    async def sleep(self, seconds: float) -> None:
        """Wait so long at the cloud's pace: of one that lives 60 times as fast as life, a 60th of it."""

    async def note(self, **facts: Any) -> None:
        """Remember facts (JSON) durably: they are in `notes` after a restart of the sink."""

    async def intend(self, order: str) -> None:
        """Make durable that this order is about to be given. Raises LostRun if another has the run now."""

    def tell(self, step: Step) -> None:
        """Put a step into the record. Of an order, the ledger learns that it was answered."""


class Cloud(Protocol):
    """What an action may ask and order. Each method is a step of the run."""

    run: Run

    async def instance(self, instance_id: str) -> Instance | None:
        """The instance as it is now; None if there is none. Many questions at once become one call."""

    async def cached_instance(self, instance_id: str) -> Instance | None:
        """The instance as the background refresh last saw it, else as it is now. For what is urgent."""

    async def history(self, instance_id: str) -> Sequence[News]:
        """What the platform did to the instance within 30 days (DescribeInstanceHistoryEvents)."""

    async def orders(self, instance_id: str, since_ms: int) -> Sequence[Order]:
        """What somebody ordered it to do since then, oldest first (LookupEvents; some minutes late)."""

    async def scaling_member(self, instance_id: str) -> ScalingMember | None:
        """Its place in a scaling group of ESS, if it has one."""

    async def places(self, instance_id: str) -> Sequence[Place]:
        """Every place where it serves, of all products: from the warm cache, else looked up."""

    async def group(self, group: Group, *, fresh: bool = True) -> GroupState:
        """A group as it is now; unless `fresh`, as the background refresh last saw it."""

    async def connections(self, instance_id: str) -> int | None:
        """Its open TCP connections (CloudMonitor net_tcpconnection); None where the agent tells nothing."""

    async def start(self, instance_id: str) -> None:
        """StartInstance. An instance that is not Stopped is Rejected, IncorrectInstanceStatus."""

    async def weigh(self, places: Sequence[Place], weight: int) -> None:
        """Give backends of one group this weight, 0 to 100. Returns once the product has taken it."""

    async def remove(self, places: Sequence[Place]) -> None:
        """Take backends out of one group. Returns once the product has taken it: verify by `group`."""

    async def add(self, places: Sequence[Place]) -> None:
        """Put backends back into one group, with the weight that they carry."""

    async def enter_standby(self, member: ScalingMember, instance_id: str) -> None:
        """Put an instance of a scaling group on standby: ESS sets its weights to 0 and leaves it alone."""

    async def exit_standby(self, member: ScalingMember, instance_id: str) -> None:
        """Take it back into service."""
