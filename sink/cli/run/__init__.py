"""`sink run`: in one process, or in several that share the work.

`one.py` is a pipeline, and the sink in one process; `several.py` the parent of some workers, `worker.py` one
of them, `link.py` what they tell each other, `afar.py` the actions as workers meet them. `process.py` has
what every process does alike.
"""

from __future__ import annotations

import sys

from sink.cli.reaching import Cloud
from sink.cli.run.process import run_on_loop
from sink.config import Settings
from sink.telemetry import configure_logging


def run_sink(settings: Settings, cloud: Cloud, *, drain: bool) -> None:
    """Run until a signal, or with `drain` until the queues are empty."""
    configure_logging(live=sys.stdout.isatty())
    if settings.sink.processes == 1:
        from sink.cli.run.one import run_one as run
    else:
        from sink.cli.run.several import run_several as run
    run_on_loop(lambda: run(settings, cloud, drain))
