"""Read config.ini, lay the environment over it, and tell every fault in an operator's words.

`SINK__SECTION__KEY` overrides a key, for what differs between machines and for what is secret; of an action,
`SINK__ACTION__NAME__KEY`. What an action's own section takes is the action's to say: whoever calls hands in
`options_of`, which finds the classes of the enabled ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as IniError
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sink.config.effect import without_effect
from sink.config.sections import ActionSettings, ActionsSection, Limits, Settings
from sink.errors import ConfigError

ENVIRONMENT_PREFIX = "SINK__"
_ACTION = "action."
_PASSWORD = re.compile(r"(?P<user>://[^/:@]*:)[^?]+(?=@)|(?<=[?&]password=)[^&]+")

Values = dict[str, dict[str, str]]
OptionsOf = Callable[[Sequence[str]], Mapping[str, type[BaseModel]]]
M = TypeVar("M", bound=BaseModel)


def load_settings(
    path: Path, environment: Mapping[str, str] = os.environ, options_of: OptionsOf = lambda _: {}
) -> Settings:
    """Read config.ini under the environment's overrides. Raises ConfigError with every fault.

    `options_of` finds the options of the enabled actions by their names, and may raise ConfigError too.
    """
    values = _read(path)
    faults = _secrets(values)
    _overlay(values, environment)
    sections = {name: of for name, of in values.items() if not name.startswith(_ACTION)}
    settings = _validated(Settings, sections, faults)
    # Alone: a fault in another key of [actions] is told once, and makes no action unknown.
    named = {"enabled": values.get("actions", {}).get("enabled", "")}
    options = _found(options_of, ActionsSection.model_validate(named).enabled, faults)
    actions = {name: _action(name, of, values, faults) for name, of in options.items()}
    faults += _of_nobody(values, options)
    if settings is None or faults:
        raise ConfigError(faults)
    if idle := without_effect(settings):
        raise ConfigError(idle)
    return _beside(path.parent, settings).model_copy(update={"action": actions})


def _read(path: Path) -> Values:
    """The file's sections, as texts. A file that cannot be read as one is a ConfigError by itself."""
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=("#", ";"))
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        fault = f"{path}: there is no such file. Name yours with --config, or copy the repository's"
        raise ConfigError([fault]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error
    except IniError as error:
        raise ConfigError([" ".join(str(error).split())]) from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _secrets(values: Values) -> list[str]:
    """No password stands in a file that is copied about and committed."""
    url = values.get("ledger", {}).get("url", "")
    if not _PASSWORD.search(url):
        return []
    return ["[ledger] url: holds a password. Leave it out here, and set SINK__LEDGER__URL in the environment"]


def without_password(url: str) -> str:
    """The URL as it may be shown.

    >>> without_password("postgresql+psycopg://sink:secret@host/ledger")
    'postgresql+psycopg://sink:***@host/ledger'
    """
    return _PASSWORD.sub(lambda found: f"{found['user'] or ''}***", url)


def _overlay(values: Values, environment: Mapping[str, str]) -> None:
    """Put `SINK__SECTION__KEY` over what the file says."""
    for name, value in environment.items():
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            section, _, key = name[len(ENVIRONMENT_PREFIX) :].lower().partition("__")
            if section == "action" and "__" in key:
                action, _, key = key.partition("__")
                section = f"{_ACTION}{action}"
            values.setdefault(section, {})[key] = value


def _validated(model: type[M], values: Mapping[str, Any], faults: list[str]) -> M | None:
    """The model of these values; None where there are faults, which are told."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults += [_describe(dict(fault), values) for fault in error.errors()]
        return None


def _found(options_of: OptionsOf, enabled: Sequence[str], faults: list[str]) -> Mapping[str, type[BaseModel]]:
    try:
        return options_of(enabled)
    except ConfigError as error:
        faults += error.faults
        return {}


def _action(name: str, of: type[BaseModel], values: Values, faults: list[str]) -> ActionSettings | None:
    """`[action.NAME]` over `[actions]` and `[guard]`. What is wrong in those two is told there."""
    section = f"{_ACTION}{name}"
    given = dict(values.get(section, {}))
    known = ["mode", *of.model_fields, *Limits.model_fields]
    own = {key: given.pop(key) for key in list(given) if key in Limits.model_fields}
    shared = {key: text for key, text in values.get("guard", {}).items() if key in Limits.model_fields}
    mode = given.pop("mode", None)
    wrong: list[str] = []
    for model, part in ((Limits, own), (of, given), (ActionsSection, {"mode": mode} if mode else {})):
        try:
            model.model_validate(part)
        except ValidationError as error:
            wrong += [_describe_key(section, dict(fault), part, known) for fault in error.errors()]
    faults += wrong
    if faults:
        return None
    return ActionSettings(
        mode=mode or values.get("actions", {}).get("mode", "live"),
        limits=Limits.model_validate(shared | own),
        options=of.model_validate(given),
    )


def _of_nobody(values: Values, options: Mapping[str, object]) -> list[str]:
    """Sections of actions that are not enabled."""
    names = [section.removeprefix(_ACTION) for section in values if section.startswith(_ACTION)]
    return [
        f"[{_ACTION}{name}]: has no effect: {name} is not among [actions] enabled.{_nearest(name, options)}"
        for name in names
        if name not in options
    ]


def _describe(fault: dict[str, Any], values: Mapping[str, Any]) -> str:
    """One fault: where, what stands there, what may stand there."""
    section, *rest = (str(part) for part in fault["loc"])
    sections = [name for name in Settings.model_fields if name != "action"]
    if not rest:
        return f"[{section}]: there is no such section.{_nearest(section, sections)}"
    fields = getattr(Settings.model_fields[section].annotation, "model_fields", {})
    return _describe_key(section, {**fault, "loc": rest}, values[section], fields)


def _describe_key(
    section: str, fault: dict[str, Any], values: Mapping[str, str], known: Iterable[str]
) -> str:
    key = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        return f"[{section}] {key}: there is no such key.{_nearest(key, known)}"
    text = fault["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("should", "must")
    return f"[{section}] {key} = {values.get(key, '')}: {text}"


def _nearest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(word, names, 1)
    return f" Did you mean {near[0]}?" if near else f" Known are {', '.join(names)}"


def _beside(folder: Path, settings: Settings) -> Settings:
    """The settings with their files where they lie: relative ones beside config.ini."""
    data = folder / settings.local.data
    ledger = (data if settings.local.enabled else folder) / "ledger.sqlite3"
    return settings.model_copy(
        update={
            "local": settings.local.model_copy(update={"data": data}),
            "guard": settings.guard.model_copy(update={"kill_switch": folder / settings.guard.kill_switch}),
            "ledger": settings.ledger.model_copy(
                update={"url": settings.ledger.url or f"sqlite:///{ledger}"}
            ),
        }
    )
