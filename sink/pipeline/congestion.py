"""Whether more receivers would get more: told by how long full answers take.

After TCP Vegas (Brakmo and Peterson, 1995): an answer that took twice as long as the quickest one has waited
behind others, at the service or in our own event loop. Another receiver would only make that wait longer, for
whatever else the service is asked, an action's calls included. So far away as the queue may be, there are as
many as hide the way to it, and beside a slow service hardly one.

What is quick is found out anew every few seconds, while no helper is there: routes and services change, and a
crowd of ours cannot be told from a longer way (BBR's probing, Cardwell et al., 2016).
"""

from __future__ import annotations

from collections.abc import Callable

_PERIOD_SECONDS = 10.0
_MOST_TIMES_QUICKEST = 2.0


class Congestion:
    """What is known of how congested the way to one queue is. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends_at = float("-inf")
        self._quickest = float("inf")

    def begin(self) -> None:
        """Find out anew what is quick: nobody helps just now."""
        self._ends_at = self._clock() + _PERIOD_SECONDS
        self._quickest = float("inf")

    def allows_more(self, seconds: float) -> bool:
        """Tell by a full answer that took so long whether helpers are worth it: to call one, or to go on.

        At the end of a period none is, until the last has gone and somebody has begun the next.
        """
        self._quickest = min(self._quickest, seconds)
        return self._clock() < self._ends_at and seconds <= _MOST_TIMES_QUICKEST * self._quickest
