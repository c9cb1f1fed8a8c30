"""What today's settings would have decided about recorded events: `sink replay`.

The events of a window go through the same guards and the same `plan` as they did then, one after another by
their time of receipt, and are admitted in the order in which they were. What was asked of the cloud then is
answered from the action records (`steps` holds each question with its answer), the clock is the record's, and
what is used up is counted anew, so that one guard changed shows all that follows from it. Nothing is called,
and nothing is carried out.

A question that was not asked then has no answer: such a decision is `unknown`, and says what is missing.

`past.py` decides one event again, `recorded.py` answers its questions, `turns.py` keeps the order of
admissions, `decisions.py` compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from sink.dispatch import Module, Newsroom
from sink.events import Event
from sink.replay.decisions import ACT, NOTHING, UNKNOWN, Compared, Decision, decided_then
from sink.replay.past import Past, Used
from sink.replay.turns import Turns

__all__ = ["ACT", "NOTHING", "UNKNOWN", "Compared", "Decision", "replay"]


async def replay(
    events: Iterable[Event],
    records: Iterable[Mapping[str, str]],
    modules: Sequence[Module],
    *,
    pace: float = 1.0,
) -> list[Compared]:
    """Decide about the events again, in the order in which they are given: that of their receipt.

    `records` are the fields of the action records of the window; what they do not tell is unknown.
    """
    by_run = {(record["module"], record["event_key"]): record for record in records}
    newsroom = Newsroom()
    used = {module.name: Used() for module in modules}
    turns = {module.name: Turns() for module in modules}
    begun = []
    for event in events:
        newsroom.hear(event)
        for module in modules:
            record = by_run.get((module.name, event.event_key))
            if module.action.wants(event):
                own = turns[module.name]
                past = Past(event, module, record or {}, newsroom, used[module.name], own, pace)
                await own.let_pass(past.now_ms())
                begun.append((event, module.name, decided_then(record), await own.begin(past.decide())))
    for own in turns.values():
        await own.let_pass(inf)
    return [Compared(event, name, then, task.result()) for event, name, then, task in begun]
