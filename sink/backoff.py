"""Growing pauses between tries, with full jitter so that many sinks do not knock in step.

After Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Backoff:
    """Pauses that double from `first_seconds` to `longest_seconds`; each is drawn from its upper half.

    >>> pauses = Backoff(1, 8, Random(1))
    >>> [round(pauses.next_seconds()) for _ in range(5)]
    [1, 2, 4, 5, 6]
    """

    first_seconds: float
    longest_seconds: float
    random: Random = field(default_factory=Random)
    tries: int = 0

    def next_seconds(self) -> float:
        """The pause before the next try."""
        pause = self.at(self.tries)
        self.tries += 1
        return pause

    def at(self, tries: int) -> float:
        """The pause after so many tries, without counting one."""
        full = min(self.longest_seconds, self.first_seconds * 2.0 ** min(tries, 32))
        return full * self.random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew: a try went well."""
        self.tries = 0
