"""The fleet at one moment, as the rules of its life see it.

`lifecycle.py`, `operations.py` and `resources.py` are written against this: it hands them the
time, chance and the instances, and takes what they decide (a change of state, an event, a step
for later). They neither know of SQLite nor of clocks, which is what makes hours of a fleet's life
a matter of milliseconds in a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from uuid import UUID

from sink.local.fleet.events import Envelope, Notice, state_change
from sink.local.fleet.instances import NEXT_STATES, Instance, State
from sink.local.fleet.rates import Rates
from sink.local.fleet.state import FleetState, Step


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment: who there is, what time it is, what chance says."""

    state: FleetState
    rates: Rates
    random: Random
    envelope: Envelope
    size: int
    """How many instances auto scaling wants on the mean of a day."""
    now: float = 0.0
    """Seconds since the epoch."""

    def find(self, instance_id: str) -> Instance | None:
        """The instance as it is now; None if it has been released."""
        return self.state.instances.get(instance_id)

    def roughly(self, mean_seconds: float) -> float:
        """Draw a duration between half and one and a half of its mean."""
        return mean_seconds * self.random.uniform(0.5, 1.5)

    def new_uuid(self) -> UUID:
        """Draw the id of an event."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def tell(self, notice: Notice) -> None:
        """Send an event, dated now."""
        self.state.post(self.now, self.envelope.body(notice, self.now, self.new_uuid()))

    def appear(self, instance: Instance) -> None:
        """Keep an instance in a state it was not in before, and tell so."""
        self.state.keep(instance)
        self.tell(state_change(instance))
        if instance.state is State.DELETED:
            self.later(self.rates.leaving_seconds, "leave_groups", instance)

    def enter(self, instance: Instance, state: State) -> Instance:
        """Change an instance's state and tell so. Raises IllegalTransition."""
        changed = instance.enter(state, self.now)
        self.appear(changed)
        return changed

    def enter_if_possible(self, instance: Instance, state: State) -> Instance:
        """Change the state where it can follow, else leave the instance as it is."""
        return self.enter(instance, state) if state in NEXT_STATES[instance.state] else instance

    def later(
        self, after_seconds: float, action: str, instance: Instance | None = None, **details: str
    ) -> None:
        """Let an action of `behaviour.ACTIONS` happen after so long."""
        instance_id = instance.instance_id if instance else ""
        self.state.schedule(Step(self.now + after_seconds, action, instance_id, details))

    def course(self, instance: Instance, *moves: tuple[float, State]) -> float:
        """Lead an instance through states, each so many seconds after the last; return the whole duration.

        A move whose origin is no longer the instance's state is left out, and with it the rest: whoever
        else has changed the instance meanwhile goes first.
        """
        origin, elapsed = instance.state, 0.0
        for seconds, target in moves:
            elapsed += seconds
            self.later(elapsed, "move", instance, origin=origin, target=target)
            origin = target
        return elapsed
