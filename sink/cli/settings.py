"""The settings of a command, the options of enabled actions included."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from sink.config import Settings, load_settings


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read config.ini. Raises ConfigError with every fault, those of the actions' own sections included."""
    return load_settings(path, environment, _options_of)


def _options_of(enabled: Sequence[str]) -> Mapping[str, type[BaseModel]]:
    """The options of the enabled actions; nothing of theirs is imported while there are none."""
    if not enabled:
        return {}
    from sink.action import find_actions

    return {name: action.Options for name, action in find_actions(enabled).items()}
