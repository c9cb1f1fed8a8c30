"""config.ini and the environment become `Settings`: whole, checked and frozen, or every fault at once.

`load_settings` is called by `cli` before anything starts. The classes below are the reference of what can be
set: `config.ini` in the repository shows each key with its default, and a test holds the two together.
`SINK__SECTION__KEY` in the environment overrides a key, for what differs between machines.

A key that is unknown, and a setting that could have no effect, is a fault: what an operator wrote
and nobody reads is worse than an error.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sink.errors import ConfigError

ENVIRONMENT_PREFIX = "SINK__"


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


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SinkSection(_Section):
    """`[sink]`: this process."""

    id: str = Field(default_factory=socket.gethostname, min_length=1, max_length=128)
    """Name of this process in the records, field `sink_id`. Default: the machine's name."""
    region: Region = "cn-hangzhou"
    """Region of queue and logstore; part of SLS's signature."""
    max_in_hand: int = Field(2000, ge=16, le=100_000)
    """Messages received and not yet settled, per queue, at most: what bounds memory."""
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
    """Receivers per queue."""
    long_poll_seconds: int = Field(20, ge=1, le=30)
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
    """How long a circuit stays open, unless `sink actions resume NAME` closes it before."""


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
    local: LocalSection = LocalSection()


def load_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read config.ini under the environment's overrides. Raises ConfigError with every fault."""
    values = _read(path)
    _overlay(values, environment)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError([_describe(dict(fault), values) for fault in error.errors()]) from None
    if faults := _without_effect(settings):
        raise ConfigError(faults)
    data = path.parent / settings.local.data
    return settings.model_copy(update={"local": settings.local.model_copy(update={"data": data})})


def _read(path: Path) -> dict[str, dict[str, str]]:
    """The file's sections, as texts. A file that cannot be read as one is a ConfigError by itself."""
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=("#", ";"))
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        fault = f"{path}: there is no such file. Name yours with --config, or copy the repository's"
        raise ConfigError([fault]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    except IniError as error:
        raise ConfigError([" ".join(str(error).split())]) from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _overlay(values: dict[str, dict[str, str]], environment: Mapping[str, str]) -> None:
    """Put `SINK__SECTION__KEY` over what the file says."""
    for name, value in environment.items():
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            section, _, key = name[len(ENVIRONMENT_PREFIX) :].lower().partition("__")
            values.setdefault(section, {})[key] = value


def _describe(fault: dict[str, Any], values: Mapping[str, Mapping[str, str]]) -> str:
    """One fault in an operator's words: where, what stands there, what may stand there."""
    section, *rest = (str(part) for part in fault["loc"])
    if not rest:
        return f"[{section}]: there is no such section.{_nearest(section, Settings.model_fields)}"
    key = rest[0]
    if fault["type"] == "extra_forbidden":
        known = Settings.model_fields[section].annotation
        fields = getattr(known, "model_fields", {})
        return f"[{section}] {key}: there is no such key.{_nearest(key, fields)}"
    text = fault["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("should", "must")
    return f"[{section}] {key} = {values[section][key]}: {text}"


def _nearest(word: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(word, known, 1)
    return f" Did you mean {near[0]}?" if near else f" Known are {', '.join(known)}"


def _without_effect(settings: Settings) -> list[str]:
    """Settings that contradict each other, or that nobody would read."""
    sections = {"mns": settings.mns.endpoint, "sls": settings.sls.endpoint}
    if settings.local.enabled:
        return [
            f"[{name}] endpoint = {endpoint}: has no effect while [local] enabled = yes. Remove one of them"
            for name, endpoint in sections.items()
            if endpoint
        ]
    missing = [
        f"[{name}] endpoint: is missing. Set it, or [local] enabled = yes to try the sink without a cloud"
        for name, endpoint in sections.items()
        if not endpoint
    ]
    idle = sorted(settings.local.model_fields_set - {"enabled"})
    return missing + [f"[local] {key}: has no effect while [local] enabled = no. Remove it" for key in idle]
