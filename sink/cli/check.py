"""`sink check`: the configuration, offline."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sink.cli.settings import read_settings
from sink.config import Settings


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
    lines = []
    for section, values in settings.model_dump(mode="json", exclude_none=True).items():
        lines += ["", f"[{section}]"] + [f"{key} = {_text(value)}" for key, value in values.items()]
    return lines[1:]


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
