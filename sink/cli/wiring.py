"""Settings become objects: the queues, the logstore, the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sink.cli.reaching import Cloud
from sink.config import Settings
from sink.errors import UsageError
from sink.pipeline import Actions, Limits, Pipeline, Report
from sink.sources import MnsSource
from sink.stores import GroupingStore, LogWriter

if TYPE_CHECKING:
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


def build_pipeline(
    settings: Settings, sources: list[MnsSource], store: GroupingStore, report: Report, actions: Actions
) -> Pipeline:
    """The pipeline over queues, store and actions that are open."""
    return Pipeline(
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
