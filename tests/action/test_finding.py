"""Finding enabled actions: by entry point or by path, with every fault said at once."""

from __future__ import annotations

import pytest

from sink.action import Action, find_actions
from sink.action.contract import Plan, Skip
from sink.errors import ConfigError

HERE = "tests.action.test_finding"


class Greet(Action):
    """An action of a third party."""

    name = "greet"
    handles = ("Instance:*",)

    async def plan(self, event: object, cloud: object) -> Plan | Skip:
        return Skip("nobody is there")

    async def carry_out(self, plan: Plan, cloud: object) -> object:  # type: ignore[override]
        raise AssertionError


class Impostor(Greet):
    """Another one of the same name."""


def test_a_path_names_any_class() -> None:
    """`package.module:Class`, under the name that the class gives itself."""
    assert find_actions([f"{HERE}:Greet"]) == {"greet": Greet}


def test_nothing_enabled_is_nothing_found() -> None:
    """The default."""
    assert find_actions([]) == {}


def test_every_fault_is_said_at_once() -> None:
    """Unknown names, paths that lead nowhere, things that are no action, and two owners of one name."""
    with pytest.raises(ConfigError) as raised:
        find_actions(
            ["gret", "no.such:Thing", f"{HERE}:HERE", f"{HERE}:Greet", f"{HERE}:Impostor", f"{HERE}:None_"]
        )

    assert [fault.removeprefix("[actions] enabled: ").split(":")[0] for fault in raised.value.faults] == [
        "there is no action gret. Known are restart, slb_removal",
        "no.such",
        f"{HERE}",
        "two actions are named greet",
        f"{HERE}",
    ]
