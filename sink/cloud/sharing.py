"""Questions that wait together are asked together.

A call waits for its turn anyway, so nobody waits longer for that: whoever asks while it waits is taken along,
up to as many as the API takes at once. What has been sent is closed: an answer is never older than its
question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

from sink.cloud.turn import Turn
from sink.errors import Missing, Rejected

R = TypeVar("R", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batch(Generic[K, V]):
    """Questions for one call."""

    def __init__(self, first: Turn) -> None:
        self.turn = Turn.together(first)
        self.is_open = True
        self._askers: dict[K, list[asyncio.Future[V]]] = {}

    def __len__(self) -> int:
        return len(self._askers)

    def __contains__(self, key: K) -> bool:
        return key in self._askers

    def halves(self) -> tuple[Batch[K, V], Batch[K, V]]:
        """The same questions in two batches, which nobody can join."""
        parts = (Batch[K, V](self.turn), Batch[K, V](self.turn))
        for number, (key, futures) in enumerate(self._askers.items()):
            parts[number % 2]._askers[key] = futures
        for part in parts:
            part.is_open = False
        return parts

    def add(self, key: K) -> asyncio.Future[V]:
        """Take a question along; its answer."""
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._askers.setdefault(key, []).append(future)
        return future

    def close(self) -> list[K]:
        """What is asked, now that the call is about to be made. From here on nobody joins."""
        self.is_open = False
        return list(self._askers)

    def answer(self, answers: Mapping[K, V]) -> None:
        """Tell everybody who still waits."""
        for key, futures in self._askers.items():
            for future in futures:
                if not future.done():
                    future.set_result(answers[key])

    def fail(self, error: BaseException) -> None:
        """Tell everybody who still waits that there is no answer."""
        self.is_open = False
        for futures in self._askers.values():
            for future in futures:
                if not future.done() and isinstance(error, Exception):
                    future.set_exception(error)
                elif not future.done():
                    future.cancel()


class Sharing(Generic[R, K, V]):
    """One kind of question. `read` asks a batch, and closes it when its call is made.

    `room` says which questions fit into one call: those of the same room do, up to `most`.
    """

    def __init__(
        self,
        read: Callable[[R, Batch[K, V]], Awaitable[Mapping[K, V]]],
        *,
        room: Callable[[K], R],
        most: int = 1,
    ) -> None:
        self._read = read
        self._room = room
        self._most = most
        self._open: dict[R, list[Batch[K, V]]] = {}
        self._work: set[asyncio.Task[None]] = set()

    async def ask(self, key: K, turn: Turn) -> V:
        """The answer to a question that is sent from now on."""
        room = self._room(key)
        waiting = self._open[room] = [one for one in self._open.get(room, ()) if one.is_open]
        batch = next((one for one in waiting if key in one or len(one) < self._most), None)
        if batch is not None:
            batch.turn.join(turn)
            return await batch.add(key)
        batch = Batch(turn)
        waiting.append(batch)
        task = asyncio.create_task(self._answer(room, batch))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return await batch.add(key)

    async def _answer(self, room: R, batch: Batch[K, V]) -> None:
        """Ask. Whatever happens, bugs too, is told to those who wait: nobody waits for ever.

        A refusal may be about one of the questions only, so the others are asked without it.
        """
        try:
            batch.answer(await self._read(room, batch))
        except (Rejected, Missing) as error:
            if len(batch) > 1:
                for part in batch.halves():
                    await self._answer(room, part)
            else:
                batch.fail(error)
        except BaseException as error:
            batch.fail(error)
            if not isinstance(error, Exception):
                raise
        finally:
            left = [one for one in self._open.get(room, ()) if one.is_open]
            if left:
                self._open[room] = left
            else:
                self._open.pop(room, None)
