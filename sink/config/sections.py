"""What can be set: a class for each section, a field for each key, the meaning and the default beside it.

`config.ini` in the repository shows each key with its default, and a test holds the two together. A section
`[action.NAME]` takes the keys of `ActionSection` and of the action's own `Options`.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _endpoint(text: str) -> str:
    """A URL of scheme, host and perhaps a port; http only where nothing leaves the machine."""
    url = urlsplit(text if "//" in text else f"https://{text}")
    if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query:
        raise ValueError("must be a URL like https://HOST or https://HOST:PORT, without a path")
    if url.scheme == "http" and not _is_loopback(url.hostname):
        raise ValueError("must be https: plain http is taken for loopback addresses only")
    return f"{url.scheme}://{url.netloc}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _matching(pattern: str, meaning: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {meaning}")
        return text

    return AfterValidator(check)


def _split(value: Any) -> Any:
    """A list is written `a, b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Endpoint = Annotated[str, AfterValidator(_endpoint)]
QueueName = Annotated[
    str, _matching(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", "a queue name: 1 to 120 letters, digits and -")
]
ProjectName = Annotated[
    str, _matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a project name: 3 to 63 of a-z, 0-9 and -")
]
LogstoreName = Annotated[
    str, _matching(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]", "a logstore name: 3 to 63 of a-z, 0-9, _ and -")
]
Region = Annotated[str, _matching(r"[a-z]{2,}(-[a-z0-9]+)+", "a region id like cn-hangzhou")]


Mode = Literal["live", "shadow"]
Balancer = Literal["clb", "alb", "nlb"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SinkSection(_Section):
    """`[sink]`: what this sink is and may use."""

    id: str = Field(default_factory=socket.gethostname, min_length=1, max_length=128)
    """Name of this sink in the records, field `sink_id`. Default: the machine's name."""
    region: Region = "cn-hangzhou"
    """Region of queue and logstore; part of SLS's signature."""
    processes: int = Field(1, ge=1, le=64)
    """Processes that receive and store, one for each core that it may use. Actions run once for all."""
    max_in_hand: int = Field(2000, ge=16, le=100_000)
    """Messages received and not yet settled, per queue and process, at most: what bounds memory."""
    stop_seconds: float = Field(25.0, ge=1, le=600)
    """How long a stop may take before what is in hand is given back to the queue."""


class MnsSection(_Section):
    """`[mns]`: where events come from."""

    endpoint: Endpoint | None = None
    """`https://ACCOUNT.mns.REGION.aliyuncs.com`. Needed unless the embedded cloud is used."""
    queues: Annotated[tuple[QueueName, ...], BeforeValidator(_split)] = Field(
        ("ecs-events",), min_length=1, validate_default=True
    )
    """One or more queues, each with receivers of its own: an urgent queue never waits behind a full one."""
    receivers: int = Field(2, ge=1, le=64)
    """Receivers per queue and process that wait for messages; under load the sink adds more by itself."""
    long_poll_seconds: int = Field(30, ge=1, le=30)
    """How long a receive waits for the first message."""


class SlsSection(_Section):
    """`[sls]`: where records go."""

    endpoint: Endpoint | None = None
    """`https://REGION.log.aliyuncs.com`. Needed unless the embedded cloud is used."""
    project: ProjectName = "ecs-event-sink"
    """The project that holds the logstore."""
    logstore: LogstoreName = "ecs-events"
    """The logstore for all four topics."""


class Limits(_Section):
    """What guards hold an action to. `[guard]` sets it for all, `[action.NAME]` for one."""

    max_actions: int = Field(30, ge=1)
    """Runs of one module that are carried out within the window, at most."""
    window_minutes: float = Field(10.0, gt=0)
    """The window of max_actions and max_group_share."""
    max_group_share: float = Field(0.5, gt=0, le=1)
    """Share of a server group's servers taken out within the window, at most; never the last that serves."""
    max_failures: int = Field(5, ge=1)
    """Failures in a row that open a module's circuit."""
    mass_events: int = Field(60, ge=2)
    """Instances that call for a module within mass_seconds, from which its circuit opens."""
    mass_seconds: float = Field(60.0, gt=0)
    cooldown_minutes: float = Field(60.0, gt=0)
    """How long a circuit stays open, unless `sink actions --resume NAME` closes it before."""
    tag: str = Field("ecs-event-sink/managed", min_length=1, max_length=128)
    """The tag by which an owner opts an instance in: no action touches one without it."""
    tag_value: str = Field("true", max_length=128)
    """The value that it has to have."""
    tag_retry_seconds: float = Field(60.0, ge=0, le=600)
    """How long a new instance's tag is waited for: tags come later than the instance."""
    protect_tag: str = Field("ecs-event-sink/protect", max_length=128)
    """The tag that protects an instance from every action, whatever its value."""


class GuardSection(Limits):
    """`[guard]`: what no action gets past."""

    regions: Annotated[tuple[Region, ...], BeforeValidator(_split)] = ()
    """Regions whose events are acted on. Default: that of [sink]."""
    account: Annotated[str, _matching(r"\d*", "an account id: digits")] = ""
    """Account whose events are acted on. Default: the one that [mns] endpoint names."""
    kill_switch: Path = Path("STOP-ACTIONS")
    """A file that stops every action for as long as it is there; relative to config.ini."""


class ActionsSection(_Section):
    """`[actions]`: what answers events. Nothing, unless it is enabled."""

    enabled: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Names of actions, or package.module:Class of your own."""
    mode: Mode = "live"
    """live, or shadow: everything is decided and recorded, and nothing is called."""
    products: Annotated[tuple[Balancer, ...], BeforeValidator(_split)] = Field(
        ("clb", "alb", "nlb"), min_length=1
    )
    """Load balancers that instances may serve behind, and that are looked into. Not every region has all."""
    refresh_seconds: float = Field(30.0, ge=1, le=3600)
    """How often the groups and tags of all instances are read, so that an urgent action need not ask."""
    calls_per_second: float = Field(50.0, gt=0, le=50)
    """Calls to each API of the cloud, at most. The vendor's quotas are kept anyway: set it to take less."""


class ActionSettings(_Section):
    """`[action.NAME]`: one action. Its section takes `mode`, every key of `Limits`, and the action's own."""

    mode: Mode
    limits: Limits
    options: Any


class LedgerSection(_Section):
    """`[ledger]`: where it is remembered what was begun and done."""

    url: str | None = None
    """sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE where several sinks act together."""


class EndpointsSection(_Section):
    """`[endpoints]`: where the services are that actions call. Each is the vendor's own by default."""

    ecs: Endpoint | None = None
    slb: Endpoint | None = None
    alb: Endpoint | None = None
    nlb: Endpoint | None = None
    ess: Endpoint | None = None
    cms: Endpoint | None = None
    actiontrail: Endpoint | None = None


class LocalSection(_Section):
    """`[local]`: the embedded cloud, on this machine and for this machine only."""

    enabled: bool = False
    """Whether it is used instead of Alibaba Cloud."""
    data: Path = Path("data")
    """Folder of its queues, logs and fleet, which outlive the process; relative to config.ini."""
    port: int = Field(0, ge=0, le=65535)
    """Port on 127.0.0.1; 0 takes a free one."""
    fleet: int = Field(60, ge=0, le=10_000)
    """Instances of the simulated fleet that `sink run` shows; 0 for none."""
    fleet_speed: float = Field(60.0, gt=0, le=10_000)
    """How much faster than life that fleet lives."""


class Settings(_Section):
    """All settings. Attributes are the sections."""

    sink: SinkSection = SinkSection()
    mns: MnsSection = MnsSection()
    sls: SlsSection = SlsSection()
    actions: ActionsSection = ActionsSection()
    guard: GuardSection = GuardSection()
    ledger: LedgerSection = LedgerSection()
    endpoints: EndpointsSection = EndpointsSection()
    local: LocalSection = LocalSection()
    action: Mapping[str, ActionSettings] = Field(default_factory=dict)
    """The enabled actions, by name: `[action.NAME]` over `[actions]` and `[guard]`."""
