"""The sink in one process."""

from __future__ import annotations

from sink.cli.live import View, say_what_is_left, shown
from sink.cli.reaching import Cloud
from sink.cli.run.process import obey_signals
from sink.cli.wiring import open_actions, open_pipeline
from sink.config import Settings
from sink.telemetry import Journal


async def run_one(settings: Settings, cloud: Cloud, drain: bool) -> None:
    """Receive, store and act in this process, until a signal or an empty queue."""
    journal = Journal()
    async with (
        open_actions(settings, cloud, journal) as actions,
        open_pipeline(settings, cloud, journal, actions) as pipeline,
    ):

        def stop() -> None:
            pipeline.stop()
            say_what_is_left(pipeline)

        obey_signals(stop, lambda: None)
        async with shown(View(settings, cloud.mns, pipeline, journal), drain=drain):
            await pipeline.run(drain)
