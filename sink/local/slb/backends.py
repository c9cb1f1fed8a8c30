"""The `BackendServers` parameter: a JSON array in a string, as the calls of CLB carry it.

Ports and weights may be numbers or texts. The vendor's published sample writes single quotes, which are no
JSON, and its service takes them; so does this one. A bare list of ids is what the oldest API took.
"""

from __future__ import annotations

from typing import Any

import orjson

from sink.local.pop.call import Call
from sink.local.pop.errors import PopError
from sink.local.slb.balancers import Backend

MOST_SERVERS = 20


def given_backends(call: Call, name: str = "BackendServers", *, ports: bool) -> list[Backend]:
    """The backends of a parameter; with `ports` each needs one.

    Raises PopError MissingParameter, BackendServersMalformed, TooManyBackendServers.
    """
    items = _items(call.required(name))
    if len(items) > MOST_SERVERS:
        text = f"The number of backend servers exceeds the limit of {MOST_SERVERS} in one call."
        raise PopError(400, "TooManyBackendServers", text)
    return [_backend(item, ports, call.scene.now) for item in items]


def _items(text: str) -> list[Any]:
    for spelling in (text, text.replace("'", '"')):
        try:
            items = orjson.loads(spelling)
        except orjson.JSONDecodeError:
            continue
        if isinstance(items, list):
            return items
    raise _malformed(f"{text} is no JSON array")


def _backend(item: Any, ports: bool, now: float) -> Backend:
    fields = {"ServerId": item} if isinstance(item, str) else item
    if not isinstance(fields, dict) or not isinstance(fields.get("ServerId"), str) or not fields["ServerId"]:
        raise _malformed(f"{item} has no ServerId")
    weight = _number(fields, "Weight", 100, range(101))
    return Backend(
        server_id=fields["ServerId"],
        port=_number(fields, "Port", None, range(1, 65536)) if ports else 0,
        weight=weight,
        type=fields.get("Type") or "ecs",
        server_ip=fields.get("ServerIp") or "",
        description=fields.get("Description") or "",
        server_type=fields.get("ServerType") or "",
        drained_since=now if weight == 0 else None,
    )


def _number(fields: dict[str, Any], name: str, default: int | None, allowed: range) -> int:
    value = fields.get(name, default)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise _malformed(f"{name} of {fields['ServerId']} is {value}, not {allowed[0]} to {allowed[-1]}")
    return value


def _malformed(why: str) -> PopError:
    return PopError(400, "BackendServersMalformed", f"The specified backendServers is malformed: {why}.")
