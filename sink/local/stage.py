"""The pages under `/_local/` that set the scene on an account's fleet (`fleet/staging.py` does it).

Bodies and answers are JSON in the words of `fleet.instances.Instance` and `fleet.market.Market`. The account
is that of `?account=`, by default the one a newcomer starts with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from sink.local.control import json_response
from sink.local.fleet import staging
from sink.local.fleet.instances import IllegalTransition
from sink.local.fleet.scene import Scene
from sink.local.fleets import Fleets
from sink.local.wire import Clock, Request, Response

ON_INSTANCE: Mapping[str, Callable[[Scene, str], Any]] = {
    "interrupt": staging.interrupt,
    "withdraw": staging.withdraw,
    "crash": staging.crash,
    "fail_host": staging.fail_host,
}


class Stage:
    """Answers `/_local/instances…` and `/_local/market`."""

    def __init__(self, fleets: Fleets, clock: Clock) -> None:
        self._fleets = fleets
        self._clock = clock

    async def answer(self, request: Request, page: str) -> Response:
        """Answer one request; 404 for an instance that is not there, 400 for what cannot be."""
        account_id = request.parameters.get("account", DEFAULT_ACCOUNT_ID)
        if not account_id.isdigit():
            return json_response(400, {"error": f"account {account_id} is no number"})
        fleet = await self._fleets.of(account_id)
        await fleet.advance(self._clock())
        try:
            return json_response(200, fleet.order(_work(request, [unquote(one) for one in page.split("/")])))
        except LookupError as error:
            return json_response(404, {"error": str(error)})
        except (ValueError, IllegalTransition) as error:
            return json_response(400, {"error": str(error)})


def _work(request: Request, parts: list[str]) -> Callable[[Scene], Any]:
    """What the request wants done. Raises LookupError for no page, ValueError for no JSON object."""
    match request.method, *parts:
        case "GET", "instances":
            return lambda scene: list(scene.state.instances.values())
        case "POST", "instances":
            return lambda scene: staging.place(scene, _body(request))
        case "PATCH", "instances", instance_id:
            return lambda scene: staging.change(scene, instance_id, _body(request))
        case "POST", "instances", instance_id, name if name in ON_INSTANCE:
            return lambda scene: ON_INSTANCE[name](scene, instance_id)
        case "PUT", "market":
            return lambda scene: staging.set_market(scene, _body(request))
    raise LookupError(f"no page {request.method} {request.path}")


def _body(request: Request) -> dict[str, Any]:
    body = orjson.loads(request.body or b"{}")
    if not isinstance(body, dict):
        raise ValueError("the body has to be a JSON object")
    return body
