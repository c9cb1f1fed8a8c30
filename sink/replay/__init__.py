"""What today's settings would have decided about recorded events: `sink replay`.

The events of a window go through the same guards and the same `plan` as they did then, one after another by
their time of receipt. What was asked of the cloud then is answered from the action records (`steps` holds
each question with its answer), the clock is the record's, and what is used up is counted anew, so that one
guard changed shows all that follows from it. Nothing is called, and nothing is carried out.

A question that was not asked then has no answer: such a decision is `unknown`, and says what is missing.

`past.py` decides one event again, `recorded.py` answers its questions, `decisions.py` compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sink.dispatch import Module, Newsroom
from sink.events import Event
from sink.replay.decisions import ACT, NOTHING, UNKNOWN, Compared, Decision, decided_then
from sink.replay.past import Past, Used

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
    compared = []
    for event in events:
        newsroom.hear(event)
        for module in modules:
            record = by_run.get((module.name, event.event_key))
            if module.action.wants(event):
                past = Past(event, module, record or {}, newsroom, used[module.name], pace)
                compared.append(Compared(event, module.name, decided_then(record), await past.decide()))
    return compared
