"""Set the scene: what a test or a demonstration needs and no API of the vendor can do.

`POST /_local/instances` and its neighbours end here (`control.py` lists them). Everything else, from tags to
balancers, is set up by the vendor's own calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from pydantic import TypeAdapter

from sink.local.fleet import lifecycle, maintenance
from sink.local.fleet.instances import Instance, State, launch
from sink.local.fleet.market import Market, market_of
from sink.local.fleet.scene import Scene

INSTANCE = TypeAdapter(Instance)
MARKET = TypeAdapter(Market)


class UnknownInstance(LookupError):
    """There is no instance of this id."""


def place(scene: Scene, wishes: Mapping[str, Any]) -> Instance:
    """Put an instance there: Running, on demand and untagged but for the wishes; no event tells of it.

    Wishes are fields of `Instance`. Raises ValueError for an unknown one or a wrong value.
    """
    likely = launch(scene.random, scene.now, scene.envelope.region_id, State.RUNNING)
    plain = replace(
        likely,
        instance_type="ecs.g7.large",
        tags={},
        recovery="Reboot",
        spot_strategy="NoSpot",
        spot_duration=0,
        spot_interruption_behavior="Terminate",
    )
    instance = _with(plain, wishes)
    scene.state.keep(instance)
    return instance


def change(scene: Scene, instance_id: str, wishes: Mapping[str, Any]) -> Instance:
    """Change fields of an instance; a change of its state is told by an event. Raises as `place`."""
    before = _find(scene, instance_id)
    after = _with(before, {"instance_id": instance_id, **wishes})
    if after.state is before.state:
        scene.state.keep(after)
    else:
        scene.appear(after)
    return after


def interrupt(scene: Scene, instance_id: str) -> Instance:
    """Give the instance the notice of its reclaim, as if its stock had just run out."""
    lifecycle.interrupt(scene, _find(scene, instance_id))
    return _find(scene, instance_id)


def withdraw(scene: Scene, instance_id: str) -> Instance:
    """Take back the notice: the lock goes, and the reclaim does not come."""
    instance = _find(scene, instance_id).unlock()
    scene.state.keep(instance)
    scene.state.cancel_for(instance_id, "halt", "remove", "unlock")
    return instance


def crash(scene: Scene, instance_id: str) -> Instance:
    """Let the guest go down by itself: a Stopped that nothing explains."""
    return scene.enter(_find(scene, instance_id), State.STOPPED)


def fail_host(scene: Scene, instance_id: str) -> Instance:
    """Let the host fail: SystemFailure.Reboot or .Stop, as the instance's `recovery` says."""
    maintenance.fail_host(scene, _find(scene, instance_id))
    return _find(scene, instance_id)


def set_market(scene: Scene, wishes: Mapping[str, Any]) -> Market:
    """Change stock, prices, quota or balance. Raises ValueError for an unknown or wrong value."""
    market = MARKET.validate_python({**asdict(market_of(scene)), **_known(wishes, Market)})
    scene.state.shelf(Market).keep("", market)
    return market


def _find(scene: Scene, instance_id: str) -> Instance:
    instance = scene.find(instance_id)
    if instance is None:
        raise UnknownInstance(f"there is no instance {instance_id}")
    return instance


def _with(instance: Instance, wishes: Mapping[str, Any]) -> Instance:
    return INSTANCE.validate_python({**asdict(instance), **_known(wishes, Instance)})


def _known(wishes: Mapping[str, Any], form: type) -> Mapping[str, Any]:
    names = {one.name for one in fields(form)}
    if unknown := sorted(set(wishes) - names):
        raise ValueError(f"{', '.join(unknown)}: there is only {', '.join(sorted(names))}")
    return wishes
