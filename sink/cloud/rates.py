"""How many calls the vendor takes, and how we keep to it.

Quotas are counted by API, region and account, in windows of a minute or a second (each product's page "API
rate quota"): CLB takes 3000 reads of a kind a minute and 90 edits. The quota is the whole account's, so a
refusal only says that it is used up, not by whom: our rate falls at once and comes back slowly, as TCP's
does. Times are the cloud's own: one that lives 60 times as fast as life takes 60 times as many calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per second of each API of a product, in each region."""

    reads: float
    changes: float


RATES: Mapping[str, Rate] = MappingProxyType(
    {
        "ecs": Rate(8, 8),
        "slb": Rate(45, 1.4),
        "alb": Rate(10, 3.2),
        "nlb": Rate(18, 3.2),
        "ess": Rate(8, 3.2),
        "cms": Rate(45, 1),
        "actiontrail": Rate(2, 1),
    }
)
"""A little below the vendor's default quotas where they are published, and cautious where they are not."""

_WINDOW_SECONDS = 60.0
_MOST_AT_ONCE = 100.0
_LEAST_AT_ONCE = 8.0
_FALL = 0.7
_LEAST_SHARE = 0.5
_RISE_PER_SECOND = 0.02
_BACKGROUND_COST = 2.0


class Bucket:
    """Tokens for the calls of one API: what of its quota is ours to use now.

    The background pays double and leaves half of it alone, so that whoever is in a hurry finds some.
    `clock` counts seconds of the cloud's own time.

    >>> bucket = Bucket(2.0, clock=lambda: 0.0)
    >>> for _ in range(100): bucket.take()
    >>> bucket.wait_seconds()
    0.5
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float]) -> None:
        self._full = per_second
        self._now_per_second = per_second
        self._size = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, per_second * _WINDOW_SECONDS))
        self._tokens = self._size
        self._clock = clock
        self._counted_at = clock()
        self._slowed_at = float("-inf")

    @property
    def per_second(self) -> float:
        """The rate now."""
        self._count()
        return self._now_per_second

    def wait_seconds(self, *, background: bool = False) -> float:
        """How long until a call may be made; 0 for now."""
        self._count()
        needed = self._size / 2 + _BACKGROUND_COST if background else 1.0
        return max(0.0, (needed - self._tokens) / self._now_per_second)

    def take(self, *, background: bool = False) -> None:
        """Make a call."""
        self._count()
        self._tokens -= _BACKGROUND_COST if background else 1.0

    def slow_down(self) -> None:
        """A call was throttled. Many that were under way together count as one."""
        self._count()
        if self._counted_at - self._slowed_at >= 1.0:
            self._slowed_at = self._counted_at
            self._now_per_second = max(self._full * _LEAST_SHARE, self._now_per_second * _FALL)

    def _count(self) -> None:
        """Take the time into account that has passed."""
        now = self._clock()
        passed, self._counted_at = now - self._counted_at, now
        self._tokens = min(self._size, self._tokens + passed * self._now_per_second)
        self._now_per_second = min(self._full, self._now_per_second + passed * self._full * _RISE_PER_SECOND)
