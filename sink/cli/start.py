"""`sink run` from its command line to the pipeline: what takes time is done side by side.

To load what the pipeline and the actions need takes about as long as the embedded cloud needs to come up, so
it is loaded while that one does, in a process of its own. Meanwhile no garbage is looked for: a start leaves
hardly any, and the search would take a fifth of it.
"""

from __future__ import annotations

import gc
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sink.config import Settings


def start_sink(config: Path, *, drain: bool) -> None:
    """Reach the cloud and run until a signal, or with `drain` until the queues are empty."""
    gc.disable()
    from sink.cli.reaching import reach_cloud
    from sink.cli.settings import read_settings

    settings = read_settings(config)
    with reach_cloud(settings, fleet=not drain, meanwhile=partial(_load, settings)) as cloud:
        from sink.cli.run import run_sink

        run_sink(settings, cloud, drain=drain)


def _load(settings: Settings) -> None:
    import_module("sink.cli.run.one" if settings.sink.processes == 1 else "sink.cli.run.several")
    import_module("sink.sources.sdk")  # makes the queue in the embedded cloud
    if settings.action:
        import_module("sink.cli.acting")
