"""A RAM policy: which actions on which resources, allowed or denied.

`sink local --policy KEY=FILE.json` gives one to a key, and every service asks it after the signature. The
rules are RAM's: what nothing allows is denied, and a Deny beats every Allow. Conditions, NotAction and
NotResource are not emulated and are refused when the file is read: a policy half understood would
let through what the real one stops.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Statement:
    """One statement: patterns with `*` and `?`. Actions are compared without regard to case."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def concerns(self, action: str, resource: str) -> bool:
        """Tell whether this statement has anything to say."""
        return any(_pattern(one.lower()).fullmatch(action.lower()) for one in self.actions) and any(
            _pattern(one).fullmatch(resource) for one in self.resources
        )


@dataclass(frozen=True)
class Policy:
    """All statements that hold for a key.

    >>> start = {"Effect": "Allow", "Action": "ecs:Start*", "Resource": "*"}
    >>> policy = parse_policy({"Version": "1", "Statement": [start]})
    >>> policy.allows("ecs:StartInstance", "acs:ecs:cn-hangzhou:1:instance/i-1"), policy.allows("ecs:Run", "")
    (True, False)
    """

    statements: tuple[Statement, ...]

    def allows(self, action: str, resource: str) -> bool:
        """Tell whether an action, `ecs:StartInstance`, is allowed on a resource, given as ARN."""
        effects = {one.allows for one in self.statements if one.concerns(action, resource)}
        return effects == {True}


def parse_policy(document: Any) -> Policy:
    """Read a policy document. Raises ValueError that says what is wrong with it."""
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), list):
        raise ValueError('a RAM policy looks like {"Version": "1", "Statement": […]}')
    return Policy(tuple(_statement(one) for one in document["Statement"]))


def load_policy(text: str) -> Policy:
    """Read a policy document from JSON. Raises ValueError."""
    return parse_policy(json.loads(text))


def _statement(fields: Mapping[str, Any]) -> Statement:
    unknown = sorted(set(fields) - {"Effect", "Action", "Resource"})
    if unknown:
        raise ValueError(f"{', '.join(unknown)} in a statement: not emulated by the embedded cloud")
    if fields.get("Effect") not in ("Allow", "Deny"):
        raise ValueError(f"Effect is {fields.get('Effect')!r}, neither Allow nor Deny")
    return Statement(fields["Effect"] == "Allow", _texts(fields, "Action"), _texts(fields, "Resource"))


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = fields.get(name)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
        raise ValueError(f"{name} is {value!r}, neither a text nor a list of texts")
    return tuple(values)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
