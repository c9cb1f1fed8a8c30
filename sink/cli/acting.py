"""Settings become actions: the ledger, the cloud's doors, the guards, and the dispatcher over all of them.

`sink run` opens it around the pipeline, `sink actions` and `sink replay` take the modules alone. All that
actions need of SDKs and databases comes with it, so it is imported when one is enabled, and not before.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from sink.cli.reaching import Cloud
from sink.cli.wiring import build_actions
from sink.cloud import RATES, AlibabaCloud, Endpoints, Rate
from sink.config import EndpointsSection, Settings
from sink.dispatch import Dispatcher, Module
from sink.guard import Guard
from sink.ledger import Ledger
from sink.telemetry import Journal

_REMEMBERED_DAYS = 15
"""How long a run is remembered: MNS keeps a message for 7 days at most, and a queue may be copied."""


@asynccontextmanager
async def open_dispatcher(settings: Settings, cloud: Cloud, journal: Journal) -> AsyncIterator[Dispatcher]:
    """The enabled actions, ready for the pipeline. What was begun and not ended is resumed."""
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger.open(str(settings.ledger.url), settings.sink.id))
        await ledger.prune(round((time.time() - _REMEMBERED_DAYS * 86_400) * 1000))
        doors = await stack.enter_async_context(build_cloud(settings, cloud, journal))
        dispatcher = Dispatcher(
            build_modules(settings), ledger, doors, journal, sink_id=settings.sink.id, pace=pace_of(settings)
        )
        yield await stack.enter_async_context(dispatcher)


def build_modules(settings: Settings) -> Sequence[Module]:
    """Every enabled action with its guard, in the order of `[actions] enabled`."""
    return [
        Module(action, build_guard(settings, action.name), settings.action[action.name].mode)
        for action in build_actions(settings)
    ]


def build_guard(settings: Settings, name: str) -> Guard:
    """The rules for one action."""
    return Guard(
        limits=settings.action[name].limits,
        regions=frozenset(regions_of(settings)),
        account=account_of(settings),
        kill_switch=settings.guard.kill_switch,
    )


def build_cloud(settings: Settings, cloud: Cloud, journal: Journal) -> AlibabaCloud:
    """What actions may ask and order, wherever it is."""
    most = settings.actions.calls_per_second
    return AlibabaCloud(
        _endpoints(settings, cloud),
        cloud.provider,
        settings.sink.region,
        regions=regions_of(settings),
        products=settings.actions.products,
        pace=pace_of(settings),
        rates={name: Rate(min(one.reads, most), min(one.changes, most)) for name, one in RATES.items()},
        refresh_seconds=settings.actions.refresh_seconds,
        report=journal,
    )


def pace_of(settings: Settings) -> float:
    """How many times faster than life the cloud lives."""
    return settings.local.fleet_speed if settings.local.enabled else 1.0


def regions_of(settings: Settings) -> Sequence[str]:
    """The regions whose events are acted on."""
    return settings.guard.regions or (settings.sink.region,)


def account_of(settings: Settings) -> str:
    """The account whose events are acted on: as set, else as MNS's host names it; "" where nobody says."""
    if settings.guard.account:
        return settings.guard.account
    if settings.local.enabled:
        from sink.local.accounts import DEFAULT_ACCOUNT_ID

        return DEFAULT_ACCOUNT_ID
    host = urlsplit(settings.mns.endpoint or "").hostname or ""
    named = re.match(r"(\d+)\.mns\.", host)
    return named[1] if named else ""


def _endpoints(settings: Settings, cloud: Cloud) -> Endpoints:
    if settings.local.enabled:
        return Endpoints(**dict.fromkeys(EndpointsSection.model_fields, cloud.mns))
    return Endpoints(**{name: url or "" for name, url in settings.endpoints})
