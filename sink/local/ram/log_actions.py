"""RAM's names for the operations of SLS, where they are not those of the API (its "Action list")."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LOG_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "GetLogs": "GetLogStoreLogs",
        "GetHistograms": "GetLogStoreHistogram",
        "PullLogs": "GetCursorOrData",
        "GetCursor": "GetCursorOrData",
        "GetCursorTime": "GetCursorOrData",
        "CreateAlert": "CreateJob",
        "UpdateAlert": "UpdateJob",
        "GetAlert": "GetJob",
        "ListAlerts": "ListJobs",
        "DeleteAlert": "DeleteJob",
        "EnableAlert": "EnableJob",
        "DisableAlert": "DisableJob",
    }
)


def log_action(operation: str) -> str:
    """The RAM action that an operation of SLS needs: `log:GetLogStoreLogs` for GetLogs."""
    return f"log:{LOG_ACTIONS.get(operation, operation)}"


def log_resource(project: str | None, names: Mapping[str, str]) -> str:
    """What it concerns, after the account in an ARN: `project/p/logstore/l`."""
    resource = f"project/{project or '*'}"
    return f"{resource}/logstore/{names['logstore']}" if "logstore" in names else resource
