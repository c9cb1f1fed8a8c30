"""What the logstore keeps of a run: the record of topic `action`.

One for each decision, "no action, because …" included. Its times are the sink's clock in ms; of an
interruption it says how long the notice was and how much of it had been used when the last order was
answered. Field names are the public schema, as those of `sink.events.record` are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from sink.action import Outcome, Step
from sink.config import Mode
from sink.dispatch.run import LedgerRun
from sink.events import SCHEMA_VERSION, Event, Record

ACTION = "action"

_LARGEST_RESULT_BYTES = 4_000
"""A read of a large group repeats two hundred servers; what was decided by it stands in the first one."""


def action_fields(
    event: Event,
    run: LedgerRun,
    outcome: Outcome,
    *,
    mode: Mode,
    attempt: int,
    started_at_ms: int,
    sink_id: str,
) -> dict[str, str]:
    """The fields of a run that has ended."""
    fields: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "action_id": run.claim.action_id,
        "event_key": event.event_key,
        "module": run.claim.module,
        "mode": mode,
        "status": outcome.status.value,
        "reason": outcome.reason,
        "instance_id": event.instance_id,
        "region_id": event.region_id,
        "attempt": attempt,
        "event_time_ms": event.event_time_ms,
        "started_at_ms": started_at_ms,
        "finished_at_ms": run.now_ms(),
        **_budget(event, run),
        "steps": orjson.dumps(_steps(run.steps)).decode(),
        "sink_id": sink_id,
    }
    return {name: str(value) for name, value in fields.items() if value not in (None, "")}


def action_record(fields: Mapping[str, str]) -> Record:
    """The record of a run's fields, at the time when it ended."""
    return Record.of(ACTION, int(fields["finished_at_ms"]) // 1000, fields)


def _budget(event: Event, run: LedgerRun) -> dict[str, int]:
    """How long the notice was, and how much of it the orders used."""
    if run.deadline_ms is None or event.event_time_ms is None:
        return {}
    notice_ms = run.deadline_ms - event.event_time_ms
    used = [one.used_ms for one in run.steps if one.used_ms is not None and run.begun(one.step) is not None]
    within = [one for one in used if one <= notice_ms]
    return {"notice_ms": notice_ms, **({"budget_used_ms": max(within)} if within else {})}


def _steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps, those that repeat the one before with the same result told once, with their number."""
    told: list[dict[str, Any]] = []
    results: dict[str, Any] = {}
    for step in steps:
        result = _undated(step.result)
        if told and told[-1]["step"] == step.step and results[step.step] == result:
            told[-1] |= {"times": told[-1].get("times", 1) + 1, "used_ms": step.used_ms}
        else:
            told.append(_step(step, large="as large as before" if step.step in results else None))
        results[step.step] = result
    return [{name: value for name, value in one.items() if value not in (None, "")} for one in told]


def _step(step: Step, *, large: str | None) -> dict[str, Any]:
    """A step; a large result only where nothing of that name was read before."""
    told = asdict(step)
    if large is not None and len(orjson.dumps(step.result)) > _LARGEST_RESULT_BYTES:
        told["result"] = large
    return told


def _undated(result: Any) -> Any:
    """What was read, whenever that was."""
    return {**result, "read_at_ms": None} if isinstance(result, dict) else result
