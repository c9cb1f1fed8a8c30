"""The pages under `/_local/`: what is ours, not the vendor's. JSON, no signature.

    GET    /_local/           services, version, holders, numbers of requests answered and waiting
    GET    /_local/requests   the last requests
    GET    /_local/faults     the rules in force; POST adds one, DELETE ends all
    GET    /_local/hold       stays open until the client hangs up (`Cloud` answers it: it never ends);
                              with ?fleet=N&speed=F&queue=Q a fleet lives meanwhile

and those that set the scene on the fleet of `?account=` (`Stage` answers them), fields as in `Instance`:

    GET    /_local/instances               all of them
    POST   /_local/instances               puts one there, Running: {"tags": {…}, "operation_locks": […]}
    PATCH  /_local/instances/ID            changes fields; a new state is told by an event
    POST   /_local/instances/ID/interrupt  gives notice of its reclaim now; …/withdraw takes it back
    POST   /_local/instances/ID/crash      the guest goes down; …/fail_host the machine under it
    PUT    /_local/market                  {"out_of_stock": [TYPE], "spot_prices": {TYPE: 0.3},
                                            "instance_quota": 5, "insufficient_balance": true}

Tests and `sink.local.embedded` call them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version

import orjson

from sink.local.faults import Faults
from sink.local.holders import Holders
from sink.local.journal import Journal
from sink.local.wire import Request, Response

PREFIX = "/_local/"


class Control:
    """Answers everything under `/_local/` but the hold and the stage."""

    def __init__(self, services: Sequence[str], faults: Faults, journal: Journal, holders: Holders) -> None:
        self._services = services
        self._faults = faults
        self._journal = journal
        self._holders = holders

    def answer(self, request: Request) -> Response:
        """Answer one request; 404 for a page that is not there."""
        pages = {
            "GET ": self._status,
            "GET requests": self._requests,
            "GET faults": self._list_faults,
            "POST faults": lambda: self._add_fault(request.body),
            "DELETE faults": self._clear_faults,
        }
        page = pages.get(f"{request.method} {request.path.removeprefix(PREFIX)}")
        return page() if page else json_response(404, {"error": f"no page {request.method} {request.path}"})

    def _status(self) -> Response:
        facts = {
            "services": self._services,
            "version": version("ecs-event-sink"),
            "pid": os.getpid(),
            "holders": self._holders.count,
            "requests": self._journal.counts,
            "waiting": self._journal.waiting,
        }
        return json_response(200, facts)

    def _requests(self) -> Response:
        return json_response(200, [asdict(exchange) for exchange in self._journal.all()])

    def _list_faults(self) -> Response:
        return json_response(200, [fault.model_dump() for fault in self._faults.all()])

    def _add_fault(self, body: bytes) -> Response:
        from sink.local.fault import Fault

        try:
            fault = Fault.model_validate_json(body)
        except ValueError as error:
            return json_response(400, {"error": str(error)})
        self._faults.add(fault)
        return json_response(201, fault.model_dump())

    def _clear_faults(self) -> Response:
        self._faults.clear()
        return Response(204)


def json_response(status: int, body: object) -> Response:
    """A JSON answer."""
    return Response(status, {"content-type": "application/json"}, orjson.dumps(body))
