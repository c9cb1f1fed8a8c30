"""Who still needs the embedded cloud, so that one started on demand ends with its last user.

A holder keeps a `GET /_local/hold` open. When its process dies, even by kill -9, the kernel closes the
connection: no process identifiers to check, no heartbeat. `server.main` waits for `abandoned` when it was
told `--until-unused`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Holders:
    """Counts the open holds."""

    def __init__(self) -> None:
        self.count = 0
        self._came = asyncio.Event()
        self._left = asyncio.Event()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be a holder while the block runs."""
        self.count += 1
        self._came.set()
        self._left.clear()
        try:
            yield
        finally:
            self.count -= 1
            if not self.count:
                self._left.set()

    async def abandoned(self, patience_seconds: float) -> None:
        """Return once the last holder has left, or none has come in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), patience_seconds)
        while self.count:
            await self._left.wait()
