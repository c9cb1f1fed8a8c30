"""The contract of action modules: what the sink asks of one, and what one may ask of the cloud.

An action is a class with a name. For each event that it handles it makes a `Plan` (reads only), the guards
look at that plan, and it carries the plan out (calls, then verifies). Shadow mode and `sink replay` stop
after the plan, which is why planning only reads.

    from sink.action import Action, Options, Outcome, Plan, Skip

`contract.py` is the action, `cloud.py` what it is handed, `plain.py` how that becomes JSON and back,
`finding.py` how the enabled ones are found.
Authors import from here and from `sink.events`; `sink.testing` has what their tests need.
"""

from sink.action.cloud import (
    Backend,
    Cloud,
    Earlier,
    Group,
    GroupState,
    Instance,
    News,
    Order,
    Place,
    Run,
    ScalingMember,
    Step,
)
from sink.action.contract import Action, Options, Outcome, Plan, Skip, Status
from sink.action.finding import find_actions
from sink.action.plain import plain, restored

__all__ = [
    "Action",
    "Backend",
    "Cloud",
    "Earlier",
    "Group",
    "GroupState",
    "Instance",
    "News",
    "Options",
    "Order",
    "Outcome",
    "Place",
    "Plan",
    "Run",
    "ScalingMember",
    "Skip",
    "Status",
    "Step",
    "find_actions",
    "plain",
    "restored",
]
