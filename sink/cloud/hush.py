"""Silence of the background, while an interruption is on its way to its first call.

Each call of the background has the event loop for a millisecond or two: its request, its answer, what is made
of that. So the background, which has time, begins none for a moment when a run in a hurry begins. Where one
follows another it has every second moment to itself: what it reads is what the next ones go by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_SECONDS = 0.05
"""From the beginning of a run to its first call, by far most times."""


@dataclass(slots=True)
class Hush:
    """When the background may begin a call. `clock` counts seconds."""

    clock: Callable[[], float]
    _began_at: float = float("-inf")

    def begin(self) -> None:
        """Ask for silence, unless there was some just now."""
        if self.clock() - self._began_at >= 2 * _SECONDS:
            self._began_at = self.clock()

    def seconds_left(self) -> float:
        """How long it still lasts; 0 where nobody needs it."""
        return max(0.0, self._began_at + _SECONDS - self.clock())
