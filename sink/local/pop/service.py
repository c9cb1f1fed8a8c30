"""One product of POP RPC as a `wire.Service`: authenticate, allow, carry out on the account's fleet, dress.

`Cloud` makes one for each product of `products.py`. Products are told apart by the API version, which each
has for itself, be it a parameter or a header: the host need not be the vendor's. A call is one
transaction. It meets the fleet as it is at this moment, and a call that is refused, or a dry run, leaves
no trace. The same ClientToken within a day gets the first answer again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from uuid import uuid4

import orjson

from sink.local.accounts import AccessKey
from sink.local.actiontrail.trail import TrailEvent, note
from sink.local.fleet.scene import Scene
from sink.local.fleets import Fleets
from sink.local.pop.call import Call, Operation, Product, request_parameters
from sink.local.pop.errors import PopError, error_response
from sink.local.pop.signature import Authentication
from sink.local.wire import Clock, Request, Response

TOKEN_SECONDS = 24 * 3600
COMMON = frozenset(
    "AccessKeyId Signature SignatureMethod SignatureNonce SignatureVersion SignatureType Timestamp Version "
    "Format SecurityToken ClientToken Action".split()
)
"""Parameters of the wire: they may differ where a call is repeated with its ClientToken."""


@dataclass(frozen=True)
class TokenUse:
    """What a ClientToken was first used for, and what was answered."""

    parameters: str
    document: dict[str, Any]
    at: float


class PopService:
    """One product. Its state is the fleet of each account."""

    def __init__(
        self, product: Product, authentication: Authentication, fleets: Fleets, clock: Clock
    ) -> None:
        self.name = product.name
        self._product = product
        self._authentication = authentication
        self._fleets = fleets
        self._clock = clock

    async def __aenter__(self) -> PopService:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def accepts(self, request: Request) -> bool:
        """Calls of the product's API version."""
        return _version(request) == self._product.version

    def operation(self, request: Request) -> str:
        """Name the operation, `StartInstance`."""
        action = _action(request)
        return action if action in self._product.operations else "Unknown"

    async def answer(self, request: Request) -> Response:
        """Authenticate, allow, carry out, dress."""
        try:
            document = await self._carry_out(request)
        except PopError as error:
            return self.refusal(request, error.status, error.code, error.message)
        return Response(200, {"content-type": "application/json;charset=utf-8"}, orjson.dumps(document))

    def refusal(self, request: Request, status: int, code: str, message: str) -> Response:
        """Render the error document."""
        host = request.headers.get("host", "")
        return error_response(status, code, message, _new_request_id(), host)

    async def _carry_out(self, request: Request) -> Mapping[str, Any]:
        parameters = request_parameters(request)
        key = self._authentication.check(request, parameters, self._clock())
        if parameters.get("Format", "JSON").upper() != "JSON":
            raise PopError(400, "UnsupportedFormat", "The embedded cloud answers JSON only: set Format=JSON.")
        operation = self._find(_action(request))
        fleet = await self._fleets.of(key.account_id)
        await fleet.advance(self._clock())
        return fleet.order(lambda scene: self._obey(operation, _call(request, key, parameters, scene)))

    def _check_allowed(self, operation: Operation, call: Call) -> None:
        action = self._product.ram_action(call.operation)
        for resource in operation.resources(call):
            if not call.key.may(action, resource):
                status, code, text = self._product.denial
                raise PopError(status, code, f"{text} This needs {action} on {resource}.")

    def _find(self, action: str) -> Operation:
        operation = self._product.operations.get(action)
        if operation is None:
            logging.getLogger(__name__).warning("%s:%s is not emulated", self.name, action)
            text = f"Specified api is not found: {self.name} {action} is not emulated by the embedded cloud."
            raise PopError(404, "InvalidAction.NotFound", text)
        return operation

    def _obey(self, operation: Operation, call: Call) -> Mapping[str, Any]:
        self._check_allowed(operation, call)
        if not operation.changes:
            return {"RequestId": call.request_id, **operation.carry_out(call)}
        document = _once(call, operation)
        if call.flag("DryRun"):
            raise PopError(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.")
        note(call.scene, _trail_event(call, self.name))
        return {"RequestId": call.request_id, **document}


def _call(request: Request, key: AccessKey, parameters: Mapping[str, str], scene: Scene) -> Call:
    return Call(_action(request), key, parameters, scene, _new_request_id())


def _once(call: Call, operation: Operation) -> Mapping[str, Any]:
    """Carry out a change, unless its ClientToken has been used: then give the first answer again."""
    token = call.text("ClientToken")
    if not token:
        return operation.carry_out(call)
    if len(token) > 64 or not token.isascii():
        raise PopError(400, "InvalidClientToken", "The ClientToken may have 64 ASCII characters.")
    uses, name = call.scene.state.shelf(TokenUse), f"{call.operation} {token}"
    given, used = _fingerprint(call.parameters), uses.find(name)
    if used and call.scene.now - used.at < TOKEN_SECONDS:
        if used.parameters == given:
            return used.document
        text = "The request uses the same client token as a previous, but non-identical request."
        raise PopError(400, "IdempotentParameterMismatch", text)
    document = dict(operation.carry_out(call))
    uses.keep(name, TokenUse(given, document, call.scene.now))
    return document


def _fingerprint(parameters: Mapping[str, str]) -> str:
    meant = {name: value for name, value in parameters.items() if name not in COMMON}
    return hashlib.sha256(orjson.dumps(meant, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _trail_event(call: Call, product: str) -> TrailEvent:
    meant = {name: value for name, value in call.parameters.items() if name not in COMMON}
    names = call.listed("InstanceId") or [call.text("InstanceId")]
    return TrailEvent(
        event_id=_new_request_id(),
        event_name=call.operation,
        service_name=product.capitalize(),
        at=call.scene.now,
        event_type="ApiCall",
        user_name="",
        access_key_id=call.key.key_id,
        resource_type="ACS::ECS::Instance" if names[0] else "",
        resource_names=tuple(one for one in names if one),
        request_parameters=meant,
        request_id=call.request_id,
    )


def _version(request: Request) -> str:
    return request.headers.get("x-acs-version") or request_parameters(request).get("Version", "")


def _action(request: Request) -> str:
    return request.headers.get("x-acs-action") or request_parameters(request).get("Action", "")


def _new_request_id() -> str:
    return str(uuid4()).upper()
