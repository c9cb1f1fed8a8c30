"""The cloud as an action record has it: each question with the answers that it was given then."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import orjson

from sink.action import Group, GroupState, Instance, News, Order, Place, Run, ScalingMember, restored
from sink.dispatch import ADMITTED
from sink.errors import PermanentError


def steps_of(record: Mapping[str, str]) -> list[dict[str, Any]]:
    """A record's steps; none where SLS cut a long field off."""
    try:
        return list(orjson.loads(record.get("steps", "[]")))
    except orjson.JSONDecodeError:
        return []


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered in a run before it was admitted. The same question again gets its later answers.

    What was read after that shows the action's own effects, which a plan that asks once more must not meet.
    """

    by_question: Mapping[str, deque[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Mapping[str, str]) -> Answers:
        """The answers in a record's steps."""
        found: dict[str, deque[Any]] = defaultdict(deque)
        for step in takewhile(lambda step: step["step"] != ADMITTED, steps_of(record)):
            found[step["step"]].extend([step.get("result")] * step.get("times", 1))
        return cls(dict(found))

    def first(self, question: str, default: Any) -> Any:
        """The first answer, or the default where it was not asked."""
        found = self.by_question.get(question)
        return found[0] if found else default

    def next(self, *questions: str) -> Any:
        """The next answer to the first of these that was asked. Raises PermanentError."""
        for question in questions:
            if found := self.by_question.get(question):
                return found.popleft() if len(found) > 1 else found[0]
        raise PermanentError(f"nothing recorded of: {questions[0]}")


@dataclass(frozen=True, slots=True)
class RecordedCloud:
    """Answers the questions of a plan. It has no orders: a plan gives none."""

    run: Run
    answers: Answers

    async def instance(self, instance_id: str) -> Any:
        return self._recall(Instance | None, f"instance {instance_id}", f"cached_instance {instance_id}")

    async def cached_instance(self, instance_id: str) -> Any:
        return self._recall(Instance | None, f"cached_instance {instance_id}", f"instance {instance_id}")

    async def history(self, instance_id: str) -> Any:
        return self._recall(tuple[News, ...], f"history {instance_id}")

    async def orders(self, instance_id: str, since_ms: int) -> Any:
        return self._recall(tuple[Order, ...], f"orders {instance_id}")

    async def scaling_member(self, instance_id: str) -> Any:
        return self._recall(ScalingMember | None, f"scaling_member {instance_id}")

    async def places(self, instance_id: str) -> Any:
        return self._recall(tuple[Place, ...], f"places {instance_id}")

    async def group(self, group: Group, *, fresh: bool = True) -> Any:
        return self._recall(GroupState, f"group {group.group_id}")

    async def connections(self, instance_id: str) -> Any:
        return self._recall(int | None, f"connections {instance_id}")

    def _recall(self, kind: Any, *questions: str) -> Any:
        return restored(kind, self.answers.next(*questions))
