"""Where the cloud is that the settings name; the embedded one is started if need be, and furnished.

Every command that asks the cloud enters `reach_cloud`. `sink run` has it load its modules meanwhile, so this
one imports nothing that takes long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sink.config import Settings
from sink.credentials import LOCAL_KEYS, DefaultChain, Provider
from sink.errors import Unreachable

_LOCAL_VISIBILITY_SECONDS = 30
_LOCAL_TTL_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where the services are, and whose keys they take."""

    mns: str
    sls: str
    provider: Provider


@contextmanager
def reach_cloud(
    settings: Settings, *, fleet: bool = False, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Cloud]:
    """The cloud that the settings name; the embedded one is started, or joined where it runs.

    What is to be done `meanwhile` is done while it starts, and not at all where nothing has to be waited for.
    """
    if not settings.local.enabled:
        yield Cloud(settings.mns.endpoint or "", settings.sls.endpoint or "", provider_of(settings))
        return
    from sink.local.embedded import CloudNotStarted, attach

    local = settings.local
    try:
        options = ["--port", str(local.port), "--fleet-speed", str(local.fleet_speed)]
        with attach(local.data, options, meanwhile) as embedded:
            cloud = Cloud(embedded.url, embedded.url, provider_of(settings))
            asyncio.run(_furnish(settings, cloud))
            if fleet and local.fleet:
                embedded.let_fleet_live(local.fleet, local.fleet_speed, settings.mns.queues[0])
            yield cloud
    except CloudNotStarted as error:
        raise Unreachable("The embedded cloud", "", str(error)) from error


def provider_of(settings: Settings) -> Provider:
    """Whose keys the cloud that the settings name takes."""
    return LOCAL_KEYS if settings.local.enabled else DefaultChain()


async def _furnish(settings: Settings, cloud: Cloud) -> None:
    """Make the queues and the logstore in the embedded cloud. A real one is never changed by the way."""
    from sink.cli.wiring import build_source, build_writer

    with ExitStack() as stack:
        writer = build_writer(settings, cloud)
        stack.callback(writer.close)
        creating = [writer.create(_LOCAL_TTL_DAYS)]
        for name in settings.mns.queues:
            source = build_source(settings, cloud, name)
            stack.callback(source.close)
            creating.append(source.create(_LOCAL_VISIBILITY_SECONDS))
        await asyncio.gather(*creating)
