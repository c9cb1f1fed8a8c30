"""The enabled actions as a worker's pipeline meets them: they run in the parent, for all workers together.

So there is one of each thing that must be one. What the events of an instance say together is known however
they fell to the workers: a stop is explained by the notice that another one received. Edits of a server group
wait for one another and go out together. An API's quota is used once, and the fleet is read once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import count

from sink.action import Action
from sink.cli.run.link import Asked, Ended, Heard, Link
from sink.errors import SinkError
from sink.events import Event, Record

_MOST_UNSENT_BYTES = 8_000_000


class ActionsAfar:
    """Actions over a link. Keeps the contract `sink.pipeline.Actions`.

    When the parent is gone, whoever waits for an action is cancelled: the pipeline stops then, and gives its
    messages back. What was begun stands in the ledger, and goes on with the next sink.
    """

    def __init__(self, actions: Sequence[Action], link: Link) -> None:
        self._actions = actions
        self._link = link
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[Sequence[Record]]] = {}

    def notice(self, events: Iterable[Event]) -> None:
        """Let the parent know of them.

        One that has not listened for long is spared it: news are a memory that may be short.
        """
        if self._link.unsent_bytes < _MOST_UNSENT_BYTES:
            self._link.send(Heard.of(events))

    def wants(self, event: Event) -> bool:
        """Tell whether any of them handles this event."""
        return any(action.wants(event) for action in self._actions)

    async def act(self, event: Event) -> Sequence[Record]:
        """Have the parent bring each to a final outcome. Raises SinkError where a bug there prevented it."""
        if not self._link.is_open:
            raise asyncio.CancelledError("the parent is gone")
        number = next(self._numbers)
        future: asyncio.Future[Sequence[Record]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._link.send(Asked(number, event.body))
        try:
            return await future
        finally:
            del self._waiting[number]

    def ended(self, answer: Ended) -> None:
        """What came of one of them."""
        future = self._waiting.get(answer.number)
        if future is None or future.done():
            return
        if answer.records is None:
            future.set_exception(SinkError("an action raised in the parent", "Its log has the traceback"))
        else:
            future.set_result(answer.records)

    def give_up(self) -> None:
        """The parent is gone."""
        for future in self._waiting.values():
            future.cancel()
