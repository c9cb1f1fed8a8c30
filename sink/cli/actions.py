"""`sink actions`: which actions there are, what is on, and what holds each back now.

The configuration is read offline; what was used up and which circuits are open stands in the ledger, and is
shown if there is one. `--resume NAME` closes a circuit, once its cause is gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sink.action import find_actions
from sink.action.finding import known_names
from sink.cli.acting import pace_of
from sink.cli.check import text_of
from sink.cli.terminal import table_console
from sink.cloud import PERMISSIONS, needed
from sink.config import Settings, without_password
from sink.errors import LedgerError, UsageError
from sink.ledger import Circuit, Ledger

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger knows of one action now."""

    admitted: int
    """Runs that were let through within the window."""
    circuit: Circuit | None
    """Its circuit, where that is open."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger tells: the standing of each action, or why there is none."""

    standings: Mapping[str, Standing]
    trouble: str = ""


def show_actions(settings: Settings, *, as_json: bool) -> None:
    """Print every action, the enabled ones with all that is set and known of them."""
    known = asyncio.run(_read_ledger(settings))
    described = [_describe(settings, name, known) for name in settings.action]
    off = [name for name in known_names() if name not in settings.action]
    if as_json:
        described += [{"name": name, "enabled": False} for name in off]
        console = Console(soft_wrap=True, highlight=False, markup=False)
        for one in described:
            console.print(orjson.dumps(one).decode())
        return
    console = table_console()
    for one in described:
        console.print(_block(one), "")
    console.print(_footing(settings, known, off), highlight=False)


def resume_action(settings: Settings, name: str) -> None:
    """Close the circuit of an action, and say so. Raises UsageError for one that is not enabled."""
    if name not in settings.action:
        enabled = ", ".join(settings.action) or "none"
        raise UsageError(f"--resume {name}: it is not enabled", f"Enabled: {enabled}")
    was_open = _is_there(str(settings.ledger.url)) and asyncio.run(_close(settings, name))
    told = "acts again" if was_open else "was not held back: its circuit is closed"
    Console(soft_wrap=True, highlight=False).print(f"{name} {told}.")


async def _close(settings: Settings, name: str) -> bool:
    async with Ledger.open(str(settings.ledger.url), f"{settings.sink.id} actions") as ledger:
        return await ledger.close_circuit(name)


async def _read_ledger(settings: Settings) -> Known:
    """What the ledger knows. One that is not there yet is not made for this."""
    url = str(settings.ledger.url)
    if not settings.action or not _is_there(url):
        return Known({}, "nothing is remembered yet")
    try:
        async with Ledger.open(url, f"{settings.sink.id} actions") as ledger:
            return Known({name: await _standing(settings, ledger, name) for name in settings.action})
    except LedgerError as error:
        return Known({}, str(error))


async def _standing(settings: Settings, ledger: Ledger, name: str) -> Standing:
    limits, pace = settings.action[name].limits, pace_of(settings)
    since_ms = round((time.time() - limits.window_minutes * 60 / pace) * 1000)
    circuit = await ledger.circuit(name, cooldown_seconds=limits.cooldown_minutes * 60 / pace)
    return Standing(await ledger.admitted(name, since_ms), circuit)


def _is_there(url: str) -> bool:
    """Tell whether there is a ledger to ask; of a server that is told by asking it."""
    return not url.startswith(_SQLITE) or Path(url.removeprefix(_SQLITE)).exists()


def _describe(settings: Settings, name: str, known: Known) -> dict[str, Any]:
    """All that there is to say of an enabled action, as JSON has it."""
    own = settings.action[name]
    action = find_actions(settings.actions.enabled)[name]
    standing = known.standings.get(name)
    return {
        "name": name,
        "enabled": True,
        "mode": own.mode,
        "does": (action.__doc__ or "").strip().partition("\n")[0],
        "handles": list(action.handles),
        "kill_switch": _is_stopped(settings),
        "admitted": standing.admitted if standing else None,
        "circuit": asdict(standing.circuit) if standing and standing.circuit else None,
        "limits": own.limits.model_dump(mode="json"),
        "options": own.options.model_dump(mode="json"),
        "permissions": needed(action.permissions, settings.actions.products),
        "shared_permissions": needed(PERMISSIONS, settings.actions.products),
    }


def _is_stopped(settings: Settings) -> bool:
    return settings.guard.kill_switch.exists()


def _block(one: Mapping[str, Any]) -> RenderableType:
    """One action, for people."""
    facts = Table.grid(padding=(0, 2), pad_edge=True)
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("answers", escape(", ".join(one["handles"])))
    facts.add_row("window", _window(one))
    facts.add_row("circuit", _circuit(one))
    facts.add_row("tag", escape(f"{one['limits']['tag']} = {one['limits']['tag_value']}"))
    facts.add_row("options", escape("\n".join(_settings(one["options"])) or "none"))
    facts.add_row("needs", escape(", ".join(one["permissions"]) or "no permissions of its own"))
    head = Text.assemble((one["name"], "bold"), "  ", _state(one), "  ", one["does"])
    return Group(head, facts)


def _state(one: Mapping[str, Any]) -> tuple[str, str]:
    """Whether it acts, in one word and its style."""
    if one["kill_switch"]:
        return "stopped", "bold red"
    if one["circuit"]:
        return "held back", "bold red"
    return one["mode"], "green" if one["mode"] == "live" else "cyan"


def _window(one: Mapping[str, Any]) -> str:
    limits = one["limits"]
    allowed = f"{limits['max_actions']} actions within {limits['window_minutes']:g} minutes"
    return f"{one['admitted']} of {allowed}" if one["admitted"] is not None else f"at most {allowed}"


def _circuit(one: Mapping[str, Any]) -> str:
    circuit = one["circuit"]
    if circuit is None:
        return "closed: nothing holds it back"
    since = datetime.fromtimestamp(circuit["opened_at_ms"] / 1000).astimezone()
    hours = f"for {one['limits']['cooldown_minutes']:g} minutes"
    text = f"open since {since.isoformat(' ', 'seconds')} {hours}: {circuit['reason']}"
    return f"[red]{escape(text)}[/]\nto close it: sink actions --resume {one['name']}"


def _settings(options: Mapping[str, Any]) -> Sequence[str]:
    return [f"{key} = {text_of(value)}" for key, value in options.items()]


def _footing(settings: Settings, known: Known, off: Sequence[str]) -> RenderableType:
    """What holds for all of them."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    if settings.action:
        reads = needed(PERMISSIONS, settings.actions.products)
        facts.add_row("all need", escape(", ".join(reads)))
    else:
        facts.add_row("on", "none: [actions] enabled is empty".replace("[", r"\["))
    if off:
        facts.add_row("off", escape(", ".join(off)))
    switch = settings.guard.kill_switch
    is_there = f"[bold red]{escape(str(switch))} is there: nothing acts[/]"
    facts.add_row(
        "switch", is_there if _is_stopped(settings) else f"to stop all: touch {escape(str(switch))}"
    )
    ledger = without_password(str(settings.ledger.url))
    facts.add_row("ledger", escape(ledger + (f": {known.trouble}" if known.trouble else "")))
    return facts
