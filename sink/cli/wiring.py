"""Settings become objects: queues, logstore, pipeline. What actions need besides is in `acting.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from sink.cli.reaching import Cloud
from sink.config import Settings
from sink.errors import UsageError
from sink.pipeline import Actions, Limits, NoActions, Pipeline, Report
from sink.sources import MnsSource
from sink.stores import GroupingStore, LogWriter
from sink.telemetry import Journal

if TYPE_CHECKING:
    from sink.action import Action
    from sink.stores.sls import SlsLogstore


def build_source(settings: Settings, cloud: Cloud, queue: str, settlers: int = 32) -> MnsSource:
    """One queue."""
    receivers = settings.mns.receivers + _limits(settings).helpers
    return MnsSource(cloud.mns, queue, cloud.provider, receivers=receivers, settlers=settlers)


def build_writer(settings: Settings, cloud: Cloud) -> LogWriter:
    """The logstore, to be made or written to."""
    sls = settings.sls
    return LogWriter(cloud.sls, sls.project, sls.logstore, cloud.provider, region=settings.sink.region)


def build_logstore(settings: Settings, cloud: Cloud) -> SlsLogstore:
    """The logstore, to be searched."""
    from sink.stores.sls import SlsLogstore  # here, for the SDK is slow to load, and `sink run` needs none

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


@asynccontextmanager
async def open_actions(settings: Settings, cloud: Cloud, journal: Journal) -> AsyncIterator[Actions]:
    """The enabled actions. While there are none, nothing of theirs is loaded."""
    if not settings.action:
        yield NoActions()
        return
    from sink.cli.acting import open_dispatcher

    async with open_dispatcher(settings, cloud, journal) as dispatcher:
        yield dispatcher


def build_actions(settings: Settings) -> Sequence[Action]:
    """Every enabled action by itself, in the order of `[actions] enabled`."""
    from sink.action import find_actions

    classes = find_actions(settings.actions.enabled)
    return [classes[name](own.options) for name, own in settings.action.items()]


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
