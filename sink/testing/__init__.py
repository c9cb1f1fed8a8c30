"""What the tests of an action need: its events, a run in memory, and a cloud to act on.

    with embedded_cloud(folder) as cloud:
        instance_id = cloud.place(tags={"app": "web"})
        cloud.crash(instance_id)
        carried = asyncio.run(carry(Restart(), stopped(instance_id), cloud))
    assert carried.outcome.status == "done"

`events.py` words events as CloudMonitor does, `run.py` is the run, `cloud.py` the embedded cloud with the
scene that tests set on it, `carrying.py` leads an action from plan to outcome. Guards and ledger do not come
in here: they are the sink's, and hold for every action alike.
"""

from sink.testing.carrying import Carried, carry, run_of
from sink.testing.cloud import EmbeddedCloud, embedded_cloud
from sink.testing.events import failure, interruption, maintenance, state_change, stopped
from sink.testing.run import Killed, TestRun

__all__ = [
    "Carried",
    "EmbeddedCloud",
    "Killed",
    "TestRun",
    "carry",
    "embedded_cloud",
    "failure",
    "interruption",
    "maintenance",
    "run_of",
    "state_change",
    "stopped",
]
