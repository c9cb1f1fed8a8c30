"""Which signature nonces have been used.

Kept in memory: a nonce is only good together with a time stamp, which ends with it, and a restart of the
embedded cloud is no attack.
"""

from __future__ import annotations

from collections import deque


class Nonces:
    """Remembers each nonce for so many seconds.

    >>> nonces = Nonces(900)
    >>> nonces.is_new("a", 0.0), nonces.is_new("a", 1.0), nonces.is_new("a", 901.0)
    (True, False, True)
    """

    def __init__(self, lifetime_seconds: float) -> None:
        self._lifetime_seconds = lifetime_seconds
        self._known: set[str] = set()
        self._oldest: deque[tuple[float, str]] = deque()

    def is_new(self, nonce: str, now: float) -> bool:
        """Tell whether it has not been used yet, and remember that it now has."""
        while self._oldest and self._oldest[0][0] <= now - self._lifetime_seconds:
            self._known.discard(self._oldest.popleft()[1])
        if nonce in self._known:
            return False
        self._known.add(nonce)
        self._oldest.append((now, nonce))
        return True
