"""What the queues of the benchmarks hold: the events of a simulated fleet, of every kind.

The fleet is the embedded cloud's own (`sink.local.fleet`), over six days that end now, because SLS takes no
log time older than seven. The same seed gives the same events but for their times. One of each kind stands
at the head and the rest is shuffled, so that a short run has the same mixture as a long one.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import orjson

from sink.local.fleet.fleet import history
from sink.local.fleet.rates import LIVELY

DAYS = 6
INSTANCES = 20
_OFTENER = replace(LIVELY, disk_errors_per_hour=0.1, arrears_per_hour=0.05, payment_seconds=86_400.0)
"""Rates at which the rarest kinds are certain to occur within those days."""


def event_bodies(now: float, seed: int = 1) -> list[bytes]:
    """Some ten thousand events as JSON in UTF-8, the last of them before `now` (epoch seconds)."""
    past = history(seed, INSTANCES, now - DAYS * 86_400, now, _OFTENER)
    bodies = [body for _, body in past]
    Random(seed).shuffle(bodies)
    first = {kind_of(body): body for body in reversed(bodies)}
    heads = set(first.values())
    return [*first.values(), *(body for body in bodies if body not in heads)]


def kind_of(body: bytes) -> str:
    """The event's name without its status.

    >>> kind_of(b'{"name": "Instance:SystemMaintenance.Reboot:Executed"}')
    'Instance:SystemMaintenance.Reboot'
    """
    name: str = orjson.loads(body)["name"]
    return ":".join(name.split(":")[:2])
