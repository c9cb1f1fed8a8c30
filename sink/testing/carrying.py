"""Lead an action from its plan to its outcome, as the sink does, but for guards and ledger.

Errors that may pass are waited out at the cloud's pace and the action is called again, for as long as its
deadline or its patience lasts. A bug in the action comes out as it is, so that the test shows its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sink.action import Action, Cloud, Outcome, Plan, Skip, Step
from sink.dispatch.conduct import deadline_at_pace
from sink.errors import CloudError, PermanentError, TemporaryError, Throttled, Unreachable
from sink.events import Event
from sink.testing.cloud import EmbeddedCloud
from sink.testing.run import TestRun

_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of an event."""

    plan: Plan | None
    """The plan, where there was one."""
    skip: Skip | None
    outcome: Outcome | None
    """How the plan ended; also why there is none, where an error stayed."""
    run: TestRun

    @property
    def steps(self) -> Sequence[Step]:
        """What was asked and ordered, in its order."""
        return self.run.steps

    @property
    def orders(self) -> Sequence[str]:
        """The orders that were given: `start i-bp1…`, `weigh 0 rsp-bp1… i-bp1…`."""
        return list(self.run.orders)


async def carry(
    action: Action,
    event: Event,
    cloud: EmbeddedCloud,
    *,
    run: TestRun | None = None,
    plan: Plan | None = None,
) -> Carried:
    """Plan for an event and carry that out; with a `plan`, go on with it as after a restart of the sink.

    By default the run is at the cloud's pace, has the action's deadline, and has heard the event.
    """
    run = run or run_of(action, event, cloud)
    async with cloud.connected() as vendor:
        return await _carry(action, event, vendor.door(run), run, plan)


def run_of(action: Action, event: Event, cloud: EmbeddedCloud) -> TestRun:
    """A run as the sink makes it."""
    run = TestRun(pace=cloud.speed, deadline_ms=deadline_at_pace(action, event, cloud.speed))
    run.hear(event)
    return run


async def _carry(action: Action, event: Event, cloud: Cloud, run: TestRun, plan: Plan | None) -> Carried:
    give_up_at_ms = run.deadline_ms or run.now_ms() + action.patience_seconds * 1000 / run.pace
    while True:
        try:
            decision = plan or await action.plan(event, cloud)
            if isinstance(decision, Skip):
                return Carried(None, decision, None, run)
            plan = decision
            return Carried(plan, None, await action.carry_out(plan, cloud), run)
        except TemporaryError as error:
            problem, pause_seconds = error.message, error.retry_after_seconds
        except (Unreachable, Throttled) as error:
            problem, pause_seconds = str(error), _PAUSE_SECONDS
        except (PermanentError, CloudError) as error:
            return Carried(plan, None, Outcome.failed(str(error)), run)
        if run.now_ms() + pause_seconds * 1000 / run.pace > give_up_at_ms:
            return Carried(plan, None, Outcome.failed(f"no time left: {problem}"), run)
        await run.sleep(pause_seconds)
