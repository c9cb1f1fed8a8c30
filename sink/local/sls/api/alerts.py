"""Alerts, on both of their paths: `/jobs` of the older clients and `/alerts` of the newer.

On `/jobs` an alert is one `type` of job among others; of those, only alerts are emulated. The state is
kept the vendor's way, twice: `state` Enabled or Disabled, `status` in capitals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sink.local.sls.api.call import Call, Route, answer, done, page
from sink.local.sls.documents import ALERT, Document, Documents
from sink.local.sls.errors import parameter_invalid
from sink.local.wire import Response


class AlertOperations:
    """Answers the operations on alerts. Alerts never fire here."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        return [*self._routes("/jobs", "Job", "ListJobs"), *self._routes("/alerts", "Alert", "ListAlerts")]

    def _routes(self, many: str, word: str, list_name: str) -> list[Route]:
        one = many + "/{name}"
        return [
            Route("POST", many, f"Create{word}", self.create),
            Route("GET", many, list_name, self.list),
            Route("GET", one, f"Get{word}", self.get),
            Route("PUT", one, f"Enable{word}", self.enable, ("action", "enable")),
            Route("PUT", one, f"Disable{word}", self.disable, ("action", "disable")),
            Route("PUT", one, f"Update{word}", self.update, ("action", "")),
            Route("DELETE", one, f"Delete{word}", self.delete),
        ]

    async def create(self, call: Call) -> Response:
        """CreateJob with type Alert, CreateAlert."""
        self._documents.create(call.project_id, ALERT, _alert(call.document()))
        return done()

    async def list(self, call: Call) -> Response:
        """ListJobs with jobType Alert or none, ListAlerts."""
        asked = call.parameters.get("jobType") or "Alert"
        alerts = self._documents.of(call.project_id, ALERT) if asked == "Alert" else []
        return page(call, [_shown(alert) for alert in alerts], "results")

    async def get(self, call: Call) -> Response:
        """GetJob, GetAlert."""
        return answer(_shown(self._find(call)))

    async def enable(self, call: Call) -> Response:
        """EnableJob, EnableAlert."""
        return self._replace(call, {**self._find(call).body, "state": "Enabled"})

    async def disable(self, call: Call) -> Response:
        """DisableJob, DisableAlert."""
        return self._replace(call, {**self._find(call).body, "state": "Disabled"})

    async def update(self, call: Call) -> Response:
        """UpdateJob, UpdateAlert; the state stays unless it is given."""
        state = self._find(call).body["state"]
        return self._replace(call, {"state": state, **call.document()})

    async def delete(self, call: Call) -> Response:
        """DeleteJob, DeleteAlert."""
        self._documents.delete(call.project_id, ALERT, call.names["name"])
        return done()

    def _find(self, call: Call) -> Document:
        return self._documents.get(call.project_id, ALERT, call.names["name"])

    def _replace(self, call: Call, body: Mapping[str, Any]) -> Response:
        self._documents.replace(call.project_id, ALERT, call.names["name"], _alert(body))
        return done()


def _alert(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type", "Alert") != "Alert":
        raise parameter_invalid(f"Jobs of type {given['type']} are not emulated by the embedded cloud.")
    return {"type": "Alert", "state": "Enabled", **given}


def _shown(alert: Document) -> dict[str, Any]:
    times = {"createTime": alert.created_at, "lastModifiedTime": alert.modified_at}
    return {**alert.body, **times, "status": str(alert.body["state"]).upper()}
