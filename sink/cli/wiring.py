"""Settings become objects: where the cloud is, the queues, the logstore, the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sink.config import Settings
from sink.credentials import LOCAL_KEYS, DefaultChain, Provider
from sink.errors import Unreachable, UsageError
from sink.pipeline import Actions, Limits, Pipeline, Report
from sink.sources import MnsSource
from sink.stores import GroupingStore, LogWriter

if TYPE_CHECKING:
    from sink.stores.sls import SlsLogstore

_LOCAL_VISIBILITY_SECONDS = 30
_LOCAL_TTL_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where the services are, and whose keys they take."""

    mns: str
    sls: str
    provider: Provider


@contextmanager
def reach_cloud(settings: Settings, *, fleet: bool = False) -> Iterator[Cloud]:
    """The cloud that the settings name; the embedded one is started, or joined where it runs."""
    if not settings.local.enabled:
        yield Cloud(settings.mns.endpoint or "", settings.sls.endpoint or "", provider_of(settings))
        return
    from sink.local.embedded import CloudNotStarted, attach

    local = settings.local
    try:
        options = ["--port", str(local.port), "--fleet-speed", str(local.fleet_speed)]
        with attach(local.data, options) as embedded:
            cloud = Cloud(embedded.url, embedded.url, provider_of(settings))
            _furnish(settings, cloud)
            if fleet and local.fleet:
                embedded.let_fleet_live(local.fleet, local.fleet_speed, settings.mns.queues[0])
            yield cloud
    except CloudNotStarted as error:
        raise Unreachable("The embedded cloud", "", str(error)) from error


def provider_of(settings: Settings) -> Provider:
    """Whose keys the cloud that the settings name takes."""
    return LOCAL_KEYS if settings.local.enabled else DefaultChain()


def _furnish(settings: Settings, cloud: Cloud) -> None:
    """Make the queues and the logstore in the embedded cloud. A real one is never changed by the way."""
    import asyncio

    for name in settings.mns.queues:
        source = build_source(settings, cloud, name)
        asyncio.run(source.create(_LOCAL_VISIBILITY_SECONDS))
        source.close()
    logstore = build_logstore(settings, cloud)
    logstore.create(_LOCAL_TTL_DAYS)
    logstore.close()


def build_source(settings: Settings, cloud: Cloud, queue: str, settlers: int = 32) -> MnsSource:
    """One queue."""
    receivers = settings.mns.receivers + _limits(settings).helpers
    return MnsSource(cloud.mns, queue, cloud.provider, receivers=receivers, settlers=settlers)


def build_writer(settings: Settings, cloud: Cloud) -> LogWriter:
    """The logstore, to write to."""
    sls = settings.sls
    return LogWriter(cloud.sls, sls.project, sls.logstore, cloud.provider, region=settings.sink.region)


def build_logstore(settings: Settings, cloud: Cloud) -> SlsLogstore:
    """The logstore, to be made or searched."""
    from sink.stores.sls import SlsLogstore  # here, for the SDK takes a second, and `sink run` needs none

    sls = settings.sls
    return SlsLogstore(cloud.sls, sls.project, sls.logstore, cloud.provider, region=settings.sink.region)


@asynccontextmanager
async def open_pipeline(
    settings: Settings, cloud: Cloud, report: Report, actions: Actions
) -> AsyncIterator[Pipeline]:
    """The pipeline over open actions, with queues and a logstore that are closed behind it."""
    with ExitStack() as stack:
        writer = build_writer(settings, cloud)
        stack.callback(writer.close)
        sources = [build_source(settings, cloud, queue) for queue in settings.mns.queues]
        for source in sources:
            stack.callback(source.close)
        async with GroupingStore(writer.put) as store:
            yield Pipeline(
                sources,
                store,
                report,
                sink_id=settings.sink.id,
                actions=actions,
                receivers=settings.mns.receivers,
                limits=_limits(settings),
            )


def _limits(settings: Settings) -> Limits:
    return Limits(
        in_hand=settings.sink.max_in_hand,
        long_poll_seconds=settings.mns.long_poll_seconds,
        stop_seconds=settings.sink.stop_seconds,
    )


def queue_of(settings: Settings, wanted: str | None) -> str:
    """The queue that a command means. Raises UsageError for one that the settings do not know."""
    if wanted is None:
        return settings.mns.queues[0]
    if wanted not in settings.mns.queues:
        known = ", ".join(settings.mns.queues)
        raise UsageError(f"--queue {wanted} is not among [mns] queues", f"Known are {known}")
    return wanted
