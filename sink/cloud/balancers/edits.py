"""Edits of balancers: one at a time for each, and as many servers in each as wait for it.

A balancer refuses an edit while another one settles, so whoever wants to edit waits here instead of being
refused there. What waits for the same change of the same group goes out as one call, so that twenty
interruptions in a group cost one. How long a product takes to settle is learned from its refusals; the quota
of edits is too small to find out by asking.

This is the one lock that is held across a call; keeping others out is what it is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sink.action import Backend, Group, GroupState
from sink.cloud.calls import Answer, Call, Line
from sink.cloud.codes import BUSY, GONE, PER_SERVER
from sink.cloud.gate import Gate
from sink.cloud.turn import Turn
from sink.errors import CloudError, Missing, Rejected

Change = Literal["weigh", "remove", "add"]
_Balancer = tuple[str, str, str]
"""Product, region and balancer id."""

_SETTLE_SECONDS = 1.0
_SHORTEST_SETTLE_SECONDS = 0.1
_LONGEST_SETTLE_SECONDS = 3.0


class Editor(Protocol):
    """What edits the groups of one product."""

    servers_per_edit: int

    def edit_call(self, change: Change, group: Group, backends: Sequence[Backend]) -> Call[None]:
        """The call that changes these servers; of a weigh and an add, to the weights that they carry."""

    async def settle(
        self, change: Change, group: Group, backends: Sequence[Backend], turn: Turn
    ) -> GroupState | None:
        """Wait until the product has carried it out; the group then, if it had to be read for that."""

    async def read(self, group: Group, turn: Turn) -> Answer[GroupState]:
        """The group as it is now."""


@dataclass(eq=False, slots=True)
class _Edit:
    """One order that waits, and what came of it."""

    change: Change
    group: Group
    backends: tuple[Backend, ...]
    turn: Turn
    line: Line
    done: asyncio.Future[Answer[None]]

    def fits(self, other: _Edit) -> bool:
        return (self.change, self.group) == (other.change, other.group)

    def contradicts(self, others: Sequence[_Edit]) -> bool:
        """Tell whether it wants something else of a server than they do: then it is for a later call."""
        wanted = {(one.server_id, one.port): one for other in others for one in other.backends}
        return any(wanted.get((one.server_id, one.port), one) != one for one in self.backends)

    def succeed(self, answer: Answer[None]) -> None:
        if not self.done.done():
            self.done.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if not self.done.done() and isinstance(error, Exception):
            self.done.set_exception(error)
        elif not self.done.done():
            self.done.cancel()


class _Nothing(Exception):
    """Nobody wants the edit any more."""


class _Queue:
    """What waits for one balancer."""

    def __init__(self) -> None:
        self._waiting: list[_Edit] = []
        self._turn: Turn | None = None

    def add(self, edit: _Edit) -> None:
        """Let an edit wait, and hasten the one that is before it if need be."""
        self._waiting.append(edit)
        if self._turn is not None:
            self._turn.join(edit.turn)

    def first(self, now_ms: int) -> _Edit | None:
        """The most urgent of those that somebody still waits for."""
        self._waiting = [one for one in self._waiting if not one.done.done()]
        return min(self._waiting, key=lambda one: one.turn.urgency(now_ms), default=None)

    def begin(self, first: _Edit) -> Turn:
        """The turn of the next call: everybody here waits for it."""
        self._turn = Turn.together(first.turn)
        for edit in self._waiting:
            if edit is not first:
                self._turn.join(edit.turn)
        return self._turn

    def take(self, first: _Edit, taken: list[_Edit], most: int) -> None:
        """Move what fits into the same call over to those taken, the most urgent first."""
        for edit in sorted(self._waiting, key=lambda one: one.turn.urgency(0)):
            servers = len(edit.backends) + sum(len(one.backends) for one in taken)
            fits = edit.fits(first) and not edit.done.done() and not edit.contradicts(taken)
            if fits and (servers <= most or not taken):
                taken.append(edit)
                self._waiting.remove(edit)

    def fail(self, error: BaseException) -> None:
        """Tell everybody who waits."""
        for edit in self._waiting:
            edit.fail(error)


class Edits:
    """The edits of all balancers, for one event loop."""

    def __init__(
        self,
        gate: Gate,
        editors: Mapping[str, Editor],
        took_effect: Callable[[Change, Group, Sequence[Backend], GroupState | None], None],
        *,
        pace: float,
    ) -> None:
        self._gate = gate
        self._editors = editors
        self._took_effect = took_effect
        self._pace = pace
        self._queues: dict[_Balancer, _Queue] = {}
        self._edited_at: dict[_Balancer, float] = {}
        self._settle_seconds = _SETTLE_SECONDS
        self._work: set[asyncio.Task[None]] = set()

    async def order(
        self, change: Change, group: Group, backends: Sequence[Backend], turn: Turn
    ) -> Answer[None]:
        """Change servers of a group. Returns once the product has taken it.

        Raises Rejected at once for a group that cannot be edited.
        """
        loop = asyncio.get_running_loop()
        line = self._editors[group.product].edit_call(change, group, backends).line
        edit = _Edit(change, group, tuple(backends), turn, line, loop.create_future())
        balancer = (group.product, group.region_id, group.balancer_id)
        if balancer not in self._queues:
            queue = self._queues[balancer] = _Queue()
            task = loop.create_task(self._serve(balancer, queue))
            self._work.add(task)
            task.add_done_callback(self._work.discard)
        self._queues[balancer].add(edit)
        return await edit.done

    async def _serve(self, balancer: _Balancer, queue: _Queue) -> None:
        """Carry out what waits for a balancer, one call after another, until nothing does."""
        try:
            while (first := queue.first(self._gate.now_ms())) is not None:
                waited = await self._let_settle(balancer)
                turn = queue.begin(first)
                await self._round(queue, first, turn)
                self._edited_at[balancer] = asyncio.get_running_loop().time()
                if waited:
                    self._learn(turn)
        except BaseException as error:
            queue.fail(error)
            raise
        finally:
            del self._queues[balancer]

    async def _let_settle(self, balancer: _Balancer) -> bool:
        """Wait as long as CLB was found to need since its last edit; tell if there was one."""
        edited_at = self._edited_at.get(balancer)
        if edited_at is None or balancer[0] != "clb":
            return False
        ready_at = edited_at + self._settle_seconds / self._pace
        await asyncio.sleep(max(0.0, ready_at - asyncio.get_running_loop().time()))
        return True

    def _learn(self, turn: Turn) -> None:
        """Wait longer before the next edit if this one was too early, and a little less if it was not."""
        was_early = any(code in BUSY for code in turn.delays)
        seconds = self._settle_seconds * (1.5 if was_early else 0.95)
        self._settle_seconds = min(_LONGEST_SETTLE_SECONDS, max(_SHORTEST_SETTLE_SECONDS, seconds))

    async def _round(self, queue: _Queue, first: _Edit, turn: Turn) -> None:
        """One call, for the most urgent edit and all that fit with it by the time it is made."""
        most = self._editors[first.group.product].servers_per_edit
        taken: list[_Edit] = []
        try:
            await self._attempt(taken, first.line, turn, lambda: queue.take(first, taken, most))
        except BaseException as error:
            for edit in taken:
                edit.fail(error)
            if not isinstance(error, CloudError):
                raise

    async def _attempt(
        self, edits: list[_Edit], line: Line, turn: Turn, join: Callable[[], None] = lambda: None
    ) -> None:
        """See one call for these and those that `join` them through, and tell everybody what came of it."""
        try:
            answer = await self._send(edits, line, turn, join)
            await self._settle(edits, turn)
        except _Nothing:
            return
        except (Rejected, Missing) as error:
            await self._sort_out(edits, turn, error)
        else:
            for edit in edits:
                edit.succeed(answer)

    async def _send(
        self, edits: list[_Edit], line: Line, turn: Turn, join: Callable[[], None]
    ) -> Answer[None]:
        """Make the call, at each try for those that still wait. Raises _Nothing when nobody does."""
        named: list[_Edit] = []
        call: Call[None] | None = None

        def build() -> Call[None]:
            # The same call again where nobody came or went: by its ClientToken it is the same edit.
            nonlocal call
            edits[:] = [one for one in edits if not one.done.done()]
            join()
            if not edits:
                raise _Nothing
            if call is None or edits != named:
                named[:] = edits
                call = self._call(edits)
            return call

        return await self._gate.ask_late(line, turn, build)

    async def _settle(self, edits: Sequence[_Edit], turn: Turn) -> None:
        change, group = edits[0].change, edits[0].group
        backends = [one for edit in edits for one in edit.backends]
        state = await self._editors[group.product].settle(change, group, backends, turn)
        self._took_effect(change, group, backends, state)

    async def _sort_out(self, edits: list[_Edit], turn: Turn, error: CloudError) -> None:
        """Find those that the refusal is about, so that the others are carried out."""
        if error.code in GONE and edits[0].change != "add":
            await self._leave_out_what_is_gone(edits, turn, error)
        elif len(edits) > 1 and (isinstance(error, Rejected) or error.code in PER_SERVER):
            half = len(edits) // 2
            for part in (edits[:half], edits[half:]):
                await self._attempt(part, part[0].line, turn)
        else:
            for edit in edits:
                edit.fail(error)

    async def _leave_out_what_is_gone(self, edits: Sequence[_Edit], turn: Turn, error: CloudError) -> None:
        """Name only what the group still holds: nothing has to be done about the rest."""
        group = edits[0].group
        state = (await self._editors[group.product].read(group, turn)).value
        there = {(one.server_id, one.port) for one in state.backends}
        if all((one.server_id, one.port) in there for edit in edits for one in edit.backends):
            raise error
        for edit in edits:
            edit.backends = tuple(one for one in edit.backends if (one.server_id, one.port) in there)
            if not edit.backends:
                edit.succeed(Answer(None, edit.line.action, error.request_id))
        if left := [edit for edit in edits if edit.backends]:
            await self._attempt(left, left[0].line, turn)

    def _call(self, edits: Sequence[_Edit]) -> Call[None]:
        backends = [one for edit in edits for one in edit.backends]
        group = edits[0].group
        return self._editors[group.product].edit_call(edits[0].change, group, backends)
