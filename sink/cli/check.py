"""`sink check`: the configuration, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from sink.cli.settings import read_settings
from sink.config import Settings, without_password


def check_settings(path: Path, *, show: bool) -> None:
    """Load, and say that it is good. ConfigError leaves with every fault."""
    settings = read_settings(path)
    console = Console(soft_wrap=True, highlight=False)
    if show:
        for line in _lines(settings):
            console.print(escape(line))
        return
    where = "the embedded cloud" if settings.local.enabled else settings.mns.endpoint
    console.print(f"{escape(str(path))} is good: {', '.join(settings.mns.queues)} on {where}")


def _lines(settings: Settings) -> list[str]:
    """The settings as an INI file, without those that have no value."""
    sections = settings.model_dump(mode="json", exclude_none=True)
    actions = sections.pop("action")
    sections |= {
        f"action.{name}": {"mode": own["mode"], **own["options"], **own["limits"]}
        for name, own in actions.items()
    }
    lines = []
    for section, values in sections.items():
        lines += ["", f"[{section}]"] + [f"{key} = {text_of(value)}" for key, value in values.items()]
    return lines[1:]


def text_of(value: Any) -> str:
    """A value as config.ini has it, and no password.

    >>> text_of(["a", "b"]), text_of(True), text_of("postgresql+psycopg://sink:secret@host/ledger")
    ('a, b', 'yes', 'postgresql+psycopg://sink:***@host/ledger')
    """
    if isinstance(value, list | tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return without_password(str(value))
