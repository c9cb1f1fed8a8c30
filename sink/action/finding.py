"""Find the classes of the enabled actions.

A bare name is an entry point of the group `sink.actions`: the sink's own are there, and so is whatever an
installed package declares. `package.module:Class` names a class anywhere on the path. Nothing is
imported that is not enabled.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from sink.action.contract import Action
from sink.errors import ConfigError

GROUP = "sink.actions"


def known_names() -> list[str]:
    """The names that can be enabled without a module's path."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def find_actions(enabled: Sequence[str]) -> dict[str, type[Action]]:
    """The enabled classes by their names, in order. Raises ConfigError with every fault.

    >>> find_actions(["sink.action.finding:known_names"])
    Traceback (most recent call last):
    ...
    sink.errors.ConfigError: [actions] enabled: sink.action.finding:known_names is no action
    """
    found: dict[str, type[Action]] = {}
    faults = []
    for one in enabled:
        try:
            action = _load(one)
            if (owner := found.setdefault(action.name, action)) is not action:
                raise ValueError(f"two actions are named {action.name}: {_path(owner)} and {_path(action)}")
        except ValueError as error:
            faults.append(f"[actions] enabled: {error}")
    if faults:
        raise ConfigError(faults)
    return found


def _load(name: str) -> type[Action]:
    loaded = _class_of(name) if ":" in name else _entry_point(name).load()
    if not (isinstance(loaded, type) and issubclass(loaded, Action)):
        raise ValueError(f"{name} is no action")
    return loaded


def _class_of(path: str) -> object:
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path} cannot be imported: {error}") from error


def _entry_point(name: str) -> EntryPoint:
    """The one owner of a name: two are refused, since which of them runs would be chance."""
    points = {point.value: point for point in entry_points(group=GROUP, name=name)}
    if not points:
        raise ValueError(f"there is no action {name}. Known are {', '.join(known_names())}")
    if len(points) > 1:
        raise ValueError(f"{name} has two owners, {' and '.join(sorted(points))}: write one of these instead")
    return next(iter(points.values()))


def _path(action: type[Action]) -> str:
    return f"{action.__module__}:{action.__qualname__}"
