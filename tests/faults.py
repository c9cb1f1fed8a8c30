"""Inject faults into a running embedded cloud, and look at what it was asked."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen


def inject(url: str, match: str, **rule: Any) -> None:
    """Add a fault rule, as `POST /_local/faults` takes it."""
    body = json.dumps({"match": match, **rule}).encode()
    with urlopen(Request(f"{url}/_local/faults", body, {"content-type": "application/json"})) as answer:
        assert answer.status < 300


def heal(url: str) -> None:
    """Remove every rule."""
    with urlopen(Request(f"{url}/_local/faults", method="DELETE")) as answer:
        assert answer.status < 300


def requests(url: str, operation: str | None = None) -> list[dict[str, Any]]:
    """The requests that services were asked, oldest first; of one operation if named."""
    with urlopen(f"{url}/_local/requests") as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return [entry for entry in found if operation in (None, entry["operation"])]
