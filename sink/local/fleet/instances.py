"""An ECS instance of the simulated fleet, as a state machine.

`Instance` is a value: every change makes a new one, so that what was announced can never differ
from what was stored. It knows which state may follow which (`NEXT_STATES`, from the sequences in
CloudMonitor's documentation) and refuses any other step, wherever the order comes from: chance, a
later API call, or a bug. What it does in its life is decided in `behaviour.py`; how its changes
are worded for the queue, in `events.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from string import ascii_lowercase, digits
from types import MappingProxyType


class State(StrEnum):
    """What `content.state` of an Instance:StateChange can say."""

    PENDING = "Pending"
    CREATED = "Created"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    DELETED = "Deleted"


NEXT_STATES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.PENDING: frozenset({State.CREATED}),
        State.CREATED: frozenset({State.STARTING, State.STOPPED}),
        State.STARTING: frozenset({State.RUNNING, State.STOPPED}),
        State.RUNNING: frozenset({State.STOPPING, State.STOPPED}),
        State.STOPPING: frozenset({State.STARTING, State.STOPPED}),
        State.STOPPED: frozenset({State.STARTING, State.DELETED}),
        State.DELETED: frozenset(),
    }
)
"""Which states may follow each: Starting follows Stopping in a reboot, Stopped follows Running in a crash."""


class IllegalTransition(Exception):
    """An order that no instance in this state can follow."""


@dataclass(frozen=True, slots=True)
class Application:
    """What an auto-scaling group of the fleet runs, and on what."""

    name: str
    instance_type: str
    spot_share: float
    """Part of its instances that are preemptible, 0 to 1."""
    environment: str = "prod"


APPLICATIONS = (
    Application("web", "ecs.g7.large", 0.2),
    Application("订单服务", "ecs.c7.xlarge", 0.0),
    Application("支付网关", "ecs.g7.xlarge", 0.0),
    Application("推荐模型", "ecs.gn7i-c8g1.2xlarge", 0.7),
    Application("spark-worker", "ecs.r7.2xlarge", 1.0),
    Application("ci-runner", "ecs.c7.2xlarge", 1.0, "test"),
    Application("日志索引", "ecs.i3.xlarge", 0.0),
    Application("跳板机", "ecs.t6-c1m2.large", 0.0, "test"),
)

MANAGED_TAG, PROTECT_TAG = "ecs-event-sink/managed", "ecs-event-sink/protect"
"""What the sink's guards ask for as long as nobody sets others."""
MANAGED_SHARE, PROTECTED_SHARE = 0.8, 0.05
"""Parts of a living fleet's instances that have these tags; a protected one has both."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance. Field names follow DescribeInstances (ECS API 2014-05-26), in Python's case."""

    instance_id: str
    instance_name: str
    instance_type: str
    zone_id: str
    private_ip_address: str
    creation_time: float
    """Seconds since the epoch."""
    disk_id: str
    network_interface_id: str
    state: State
    started_time: float | None = None
    """When it was last started; None before its first start."""
    spot_strategy: str = "NoSpot"
    spot_duration: int = 0
    """Hours for which it is protected from being reclaimed: 0 or 1."""
    spot_interruption_behavior: str = "Terminate"
    """`Terminate` or `Stop` (economical mode: stopped at the reclaim, not released)."""
    recovery: str = "Reboot"
    """`Reboot` or `Stop`: what the owner wants after a host failure."""
    tags: Mapping[str, str] = field(default_factory=dict)
    operation_locks: tuple[str, ...] = ()
    """Lock reasons as DescribeInstances spells them: `Recycling`, `financial`, `security`."""
    stopped_mode: str = "KeepCharging"
    """What a stop is called that was or will be made; `StopCharging` only by order of somebody outside."""
    instance_charge_type: str = "PostPaid"
    expired_time: float | None = None
    """When a subscription ends, in seconds since the epoch."""
    auto_release_time: float | None = None
    deletion_protection: bool = False
    spot_price_limit: float = 0.0
    """Most that is paid for an hour, with SpotWithPriceLimit."""
    image_id: str = "aliyun_3_x64_20G_alibase_20260415.vhd"
    description: str = ""
    vpc_id: str = "vpc-bp1fleet0000000000000"
    vswitch_id: str = "vsw-bp1fleet0000000000000"
    security_group_ids: tuple[str, ...] = ("sg-bp1fleet0000000000000",)

    def enter(self, state: State, at: float) -> Instance:
        """Return this instance in the next state from `at` on (epoch seconds). Raises IllegalTransition."""
        if state not in NEXT_STATES[self.state]:
            raise IllegalTransition(f"{self.instance_id} is {self.state} and cannot become {state}")
        if state is State.STARTING:
            return replace(self, state=state, started_time=at, stopped_mode="KeepCharging")
        return replace(self, state=state)

    def lock(self, reason: str) -> Instance:
        """Return this instance with one more operation lock."""
        return replace(self, operation_locks=(*self.operation_locks, reason))

    def unlock(self) -> Instance:
        """Return this instance without operation locks."""
        return replace(self, operation_locks=())

    @property
    def region_id(self) -> str:
        """The region of its zone: `cn-hangzhou` of `cn-hangzhou-h`."""
        return self.zone_id.rpartition("-")[0]

    @property
    def is_spot(self) -> bool:
        """Tell whether it is a preemptible instance."""
        return self.spot_strategy != "NoSpot"

    @property
    def is_serving(self) -> bool:
        """Tell whether it is Running and nothing is about to take it away."""
        return self.state is State.RUNNING and not self.operation_locks

    @property
    def is_burstable(self) -> bool:
        """Tell whether its CPU is paid in credits (families t5 and t6)."""
        return self.instance_type.startswith(("ecs.t5", "ecs.t6"))

    @property
    def has_local_disks(self) -> bool:
        """Tell whether it keeps data on disks of its host (families i and d)."""
        return self.instance_type.startswith(("ecs.i", "ecs.d"))


def new_id(prefix: str, random: Random) -> str:
    """Make a resource id as Hangzhou issues them, `i-bp1` and 17 more of [0-9a-z]."""
    return f"{prefix}-bp1" + "".join(random.choices(digits + ascii_lowercase, k=17))


def new_address(random: Random) -> str:
    """Draw a private IPv4 address of the fleet's network."""
    return f"10.{random.randrange(48, 64)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def consent(instance_id: str) -> dict[str, str]:
    """The tags by which its owner lets the sink's actions at an instance: most do, some take that back.

    By the id alone, so that chance elsewhere in the fleet does not hang on it.
    """
    drawn = Random(instance_id).random()
    protected = {PROTECT_TAG: "true"} if drawn < PROTECTED_SHARE else {}
    return {MANAGED_TAG: "true"} | protected if drawn < MANAGED_SHARE else {}


def launch(random: Random, at: float, region_id: str, state: State) -> Instance:
    """Make an instance that an auto-scaling group of the fleet could order `at` (epoch seconds)."""
    application = random.choice(APPLICATIONS)
    spot = random.random() < application.spot_share
    instance_id = new_id("i", random)
    return Instance(
        instance_id=instance_id,
        instance_name=f"{application.name}-{random.randrange(10_000):04}",
        instance_type=application.instance_type,
        zone_id=f"{region_id}-{random.choice('hijk')}",
        private_ip_address=new_address(random),
        creation_time=at,
        disk_id=new_id("d", random),
        network_interface_id=new_id("eni", random),
        state=state,
        spot_strategy=random.choice(("SpotAsPriceGo", "SpotWithPriceLimit")) if spot else "NoSpot",
        spot_duration=random.choice((0, 1)) if spot else 0,
        spot_interruption_behavior="Stop" if spot and random.random() < 0.15 else "Terminate",
        recovery="Stop" if random.random() < 0.2 else "Reboot",
        tags={"app": application.name, "env": application.environment} | consent(instance_id),
    )
